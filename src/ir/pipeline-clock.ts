// A clock that gives every cell of a pipeline's table one tick: when each cell runs, whether the lists ever wait for each
// other forever, how much of the time nothing runs, and a picture of all that.
import type { Cell, PipelineShape, PipelineTable } from "./pipeline.js";

export interface TimedCell {
  readonly cell: Cell;
  readonly tick: number;
}
export interface ClockedTable {
  /** By place on pp. */
  readonly rows: readonly (readonly TimedCell[])[];
  readonly numTicks: number;
  /** The share of all ticks in which a place does nothing. */
  readonly bubble: number;
}

/** When each cell runs if all take one tick. Null: the lists wait for each other forever. */
export function clock(table: PipelineTable, shape: PipelineShape): ClockedTable | null {
  const done = new Map<string, number>();
  const keyOf = ({ way, microbatch, stage }: Cell): string => `${way} ${microbatch} ${stage}`;
  const last = shape.numPlaces * shape.stagesPerRank - 1;
  const present = new Set(table.flat().map(keyOf));
  const before = (cell: Cell): readonly Cell[] => {
    const { way, stage } = cell;
    if (way === "forward") return stage === 0 ? [] : [{ ...cell, stage: stage - 1 }];
    const own: Cell = { ...cell, way: "forward" };
    return stage === last ? [own] : [own, { ...cell, stage: stage + 1 }];
  };
  const rows = table.map((): TimedCell[] => []);
  for (let tick = 0; rows.some((row, place) => row.length < table[place]!.length); tick++) {
    const isReady = (cell: Cell): boolean =>
      before(cell).every((other) => !present.has(keyOf(other)) || (done.get(keyOf(other)) ?? tick) < tick);
    const running = table.flatMap((cells, place) => {
      const next = cells[rows[place]!.length];
      return next && isReady(next) ? [{ place, cell: next }] : [];
    });
    if (running.length === 0) return null;
    for (const { place, cell } of running) {
      rows[place]!.push({ cell, tick });
      done.set(keyOf(cell), tick);
    }
  }
  const numTicks = Math.max(0, ...rows.flat().map(({ tick }) => tick + 1));
  const numCells = rows.reduce((n, row) => n + row.length, 0);
  return { rows, numTicks, bubble: numTicks === 0 ? 0 : 1 - numCells / (numTicks * rows.length) };
}

/** The share of time lost by the textbook: (S-1) / (V·M + S-1). */
export const expectedBubble = ({ numPlaces, stagesPerRank, numMicrobatches }: PipelineShape): number =>
  (numPlaces - 1) / (stagesPerRank * numMicrobatches + numPlaces - 1);

/** The table as a picture: a row a place, a column a tick; `F3` forward of microbatch 3, `B3.5` backward of it in stage 5. */
export function drawTable(table: PipelineTable, shape: PipelineShape): string {
  const clocked = clock(table, shape);
  if (!clocked) return "the places wait for each other forever";
  const nameOf = ({ way, microbatch, stage }: Cell): string =>
    `${way === "forward" ? "F" : "B"}${microbatch}${shape.stagesPerRank === 1 ? "" : `.${stage}`}`;
  const width = Math.max(...table.flat().map((cell) => nameOf(cell).length), 1);
  const lines = clocked.rows.map((row, place) => {
    const byTick = new Map(row.map(({ cell, tick }) => [tick, nameOf(cell)]));
    const cells = Array.from({ length: clocked.numTicks }, (_, tick) => (byTick.get(tick) ?? "·").padEnd(width));
    return `pp ${place}  ${cells.join(" ").trimEnd()}`;
  });
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return [
    `${shape.schedule}: ${shape.numMicrobatches} microbatches through ${shape.numPlaces * shape.stagesPerRank} stages`,
    ...lines,
    `bubbles: ${percent(clocked.bubble)} of the time (by the formula ${percent(expectedBubble(shape))})`,
  ].join("\n");
}
