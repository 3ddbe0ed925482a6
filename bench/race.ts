// Contenders and the floor take turns on one machine, round by round, so that whatever else happens there happens to all.
import { type Contender, median } from "./contender.js";
import { type Floor, measureFloor } from "./floor.js";
import { type Model, type Precision, tokensPerStep } from "./models.js";
import { gigabytes, percent, ratio, seconds, showTable } from "./table.js";

export interface Standing {
  readonly name: string;
  readonly command: string;
  readonly stepSeconds: readonly number[];
  readonly medianSeconds: number;
  readonly tokensPerSecond: number;
  readonly peakBytes: number;
  readonly firstStepSeconds: number;
}
export interface Race {
  readonly model: Model;
  readonly precision: Precision;
  readonly standings: readonly Standing[];
  readonly floors: readonly Floor[];
  readonly floorSeconds: number;
  readonly plannedBytes: number;
}

export interface RaceOptions {
  readonly rounds: number;
  readonly stepsPerRound: number;
  readonly threads: number;
  readonly plannedBytes: number;
}

export async function race(
  model: Model,
  precision: Precision,
  contenders: readonly Contender[],
  { rounds, stepsPerRound, threads, plannedBytes }: RaceOptions,
): Promise<Race> {
  const times = contenders.map((): number[] => []);
  const floors: Floor[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [i, contender] of contenders.entries()) times[i]!.push(...(await contender.run(stepsPerRound)));
    floors.push(measureFloor(model, precision, threads));
  }
  const standings = contenders.map((contender, i) => {
    const medianSeconds = median(times[i]!);
    return {
      name: contender.name,
      command: contender.command,
      stepSeconds: times[i]!,
      medianSeconds,
      tokensPerSecond: tokensPerStep(model) / medianSeconds,
      peakBytes: contender.peakBytes(),
      firstStepSeconds: contender.firstStepSeconds(),
    };
  });
  const floorSeconds = median(floors.map((floor) => floor.seconds));
  return { model, precision, standings, floors, floorSeconds, plannedBytes };
}

/** The fastest of those that are not ours. */
export const bestPeer = ({ standings }: Race): Standing =>
  standings
    .filter(({ name }) => name !== "dreamc")
    .reduce((best, standing) => (standing.medianSeconds < best.medianSeconds ? standing : best));

export function showRace(result: Race): string {
  const { model, precision, standings, floors, floorSeconds, plannedBytes } = result;
  const best = bestPeer(result);
  const rows = standings.map((standing) => [
    standing.name,
    standing.tokensPerSecond.toFixed(0),
    (1 / standing.medianSeconds).toFixed(standing.medianSeconds < 1 ? 1 : 3),
    seconds(standing.medianSeconds),
    `${Math.min(...standing.stepSeconds).toFixed(3)}-${Math.max(...standing.stepSeconds).toFixed(3)}`,
    ratio(best.medianSeconds / standing.medianSeconds),
    percent(floorSeconds / standing.medianSeconds),
    gigabytes(standing.peakBytes),
    seconds(standing.firstStepSeconds),
  ]);
  const floor = floors[floors.length - 1]!;
  const of = (field: "productSeconds" | "streamSeconds" | "flopsPerSecond" | "bytesPerSecond"): number =>
    median(floors.map((each) => each[field]));
  const planned = plannedBytes > 0 ? [`dreamc planned ${gigabytes(plannedBytes)} of memory`] : [];
  return [
    `${model.name}, ${precision}, batch ${model.batch}, sequence ${model.sequence}`,
    showTable(
      ["", "tokens/s", "steps/s", "step", "least-most", "best PyTorch", "of floor", "peak memory", "start to step 1"],
      rows,
    ),
    `floor ${seconds(floorSeconds)} a step, ${(tokensPerStep(model) / floorSeconds).toFixed(0)} tokens/s: products ` +
      `${seconds(of("productSeconds"))} (oneDNN ${floor.oneDNN}, ${(of("flopsPerSecond") / 1e9).toFixed(0)} GFLOP/s), memory ` +
      `${seconds(of("streamSeconds"))} (${(of("bytesPerSecond") / 1e9).toFixed(0)} GB/s)`,
    ...planned,
    ...standings.map(({ name, command }) => `  ${name}: ${command}`),
    `  floor: ${floor.command}`,
  ].join("\n");
}
