// Runs a local graph on N simulated ranks in lock step, in float64. Slow and obvious. Every rank executes every step;
// a collective reads the buffers of its group. Shapes are compared with what the types say. Stages of a pipeline run
// different graphs: ranks of one stage are in lock step, stages wait for what others send.
import type { JoinStep, LocalGraph, LocalValue, MoveStep, StageStep, Step } from "./graph.js";
import { dealtPlaces, localShape, localSize, spanOf } from "./local-size.js";
import { localAttributes } from "./localize.js";
import { type Coordinates, coordinatesOf, type Degrees, groupOf, numRanks, onRanks } from "./mesh.js";
import { type NdArray, zeros } from "./nd.js";
import { combine, fillFrom, join, pick } from "./nd-pieces.js";
import type { Axis } from "./placement.js";
import { garbage } from "./shards.js";
import { stepLetters } from "./step-letters.js";
import { type DType, numElements } from "./tensor-type.js";
import { elementsSent, isCollective } from "./traffic.js";
import { coordinatesAlong } from "./turn.js";

/** What one rank sent in one collective. */
export interface Sent {
  readonly what: string;
  readonly axis: Axis;
  readonly elements: number;
  readonly dtype: DType;
}

export interface LocalRun {
  /** What each rank holds, by value id. */
  readonly held: readonly Map<number, NdArray>[];
  readonly sent: readonly Sent[];
  /** Every collective that a rank took part in, in order: kind, axis, group, shape, element type. */
  readonly logs: readonly (readonly string[])[];
}

/** `held` has no entries for ranks of other stages. */
interface Ranks {
  /** By which local shapes are computed, microbatches included. */
  readonly degrees: Degrees;
  /** By which ranks are numbered. */
  readonly world: Degrees;
  /** What was sent and not yet taken, by channel and rank. */
  readonly mail: Map<string, NdArray>;
  /** Collectives over pp so far. */
  numMet: number;
  readonly held: readonly Map<number, NdArray>[];
  readonly sent: Sent[];
  readonly logs: string[][];
  readonly isBlind: boolean;
}

/**
 * `inputs` gives each rank's part of a graph input. A blind run does not compare shapes with types, as a machine would
 * not. Throws an `Error` where shapes do not fit.
 */
export function runLocalGraph(
  graph: LocalGraph,
  degrees: Degrees,
  inputs: (value: LocalValue, index: number, rank: number) => NdArray,
  isBlind = false,
): LocalRun {
  return runTogether(() => graph, 1, degrees, degrees, inputs, isBlind);
}

/** The same for a pipeline: a graph for each place on axis pp. Throws an `Error` where stages wait for each other forever. */
export const runStages = (
  graphs: readonly LocalGraph[],
  degrees: Degrees,
  inputs: (value: LocalValue, index: number, rank: number) => NdArray,
  isBlind = false,
): LocalRun => runTogether((stage) => graphs[stage]!, graphs.length, degrees, onRanks(degrees), inputs, isBlind);

function runTogether(
  graphOf: (stage: number) => LocalGraph,
  numStages: number,
  degrees: Degrees,
  world: Degrees,
  inputs: (value: LocalValue, index: number, rank: number) => NdArray,
  isBlind: boolean,
): LocalRun {
  const all = Array.from({ length: numRanks(world) }, () => new Map<number, NdArray>());
  const [sent, logs, mail]: [Sent[], string[][], Map<string, NdArray>] = [[], all.map(() => []), new Map()];
  const running = Array.from({ length: numStages }, (_, stage) => {
    const held: Map<number, NdArray>[] = [];
    all.forEach((values, rank) => {
      if (numStages === 1 || coordinatesOf(rank, world).pp === stage) held[rank] = values;
    });
    const ranks: Ranks = { degrees, world, held, sent, logs, isBlind, mail, numMet: 0 };
    const graph = graphOf(stage);
    graph.inputs.forEach(({ value }, index) => {
      held.forEach((_, rank) => {
        put(ranks, rank, value, inputs(value, index, rank));
      });
    });
    return runSteps(graph.steps, ranks);
  });
  const left = new Set(running);
  while (left.size > 0) {
    let hasMoved = false;
    for (const stage of left)
      for (;;) {
        const { done, value } = stage.next();
        if (done) left.delete(stage);
        if (done || value === "moved") hasMoved = true;
        if (done || value === "waits") break;
      }
    if (!hasMoved) throw new Error("the stages wait for each other forever");
  }
  return { held: all, sent, logs };
}

/** Gives a sign wherever a stage waits, and wherever it has met others. */
type Run = Generator<"waits" | "moved">;

function* runSteps(steps: readonly Step<"local">[], ranks: Ranks): Run {
  for (const step of steps) {
    if (step.kind === "op") runOp(step, ranks);
    else if (step.kind === "fill") runFill(step, ranks);
    else if (step.kind === "join") runJoin(step, ranks);
    else if (step.kind === "move") {
      const isMeeting = step.move.axis === "pp" && isCollective(step.move);
      runMove(step, ranks, isMeeting ? yield* meet(step, ranks) : null);
    } else if (step.kind === "stage") yield* runStage(step, ranks);
    else yield* runRepeat(step, ranks);
  }
}

/** Where a rank is, in the mesh and in time. */
const placeOfRank = (rank: number, step: Step<"local">, { world }: Ranks): Coordinates => {
  const at = coordinatesOf(rank, world);
  return step.microbatch === undefined ? at : { ...at, microbatch: step.microbatch };
};

/** Everybody lays his part down before anybody goes on. */
function* meet({ inputs: [value] }: MoveStep, ranks: Ranks): Generator<"waits" | "moved", (rank: number) => NdArray> {
  const number = ranks.numMet++;
  const keyOf = (rank: number): string => `meeting ${number} ${rank}`;
  ranks.held.forEach((_, rank) => {
    ranks.mail.set(keyOf(rank), get(ranks, rank, value));
  });
  yield "moved";
  const peers = ranks.held.flatMap((_, rank) => groupOf(rank, "pp", ranks.world));
  while (!peers.every((peer) => ranks.mail.has(keyOf(peer)))) yield "waits";
  return (peer) => ranks.mail.get(keyOf(peer))!;
}

function* runStage(step: StageStep, ranks: Ranks): Run {
  const { act, inputs, outputs } = step;
  const [before] = inputs;
  const [after] = outputs;
  const stride = (rank: number, peer: number): number => groupOf(rank, "pp", ranks.world)[peer]!;
  switch (act.what) {
    case "send":
      ranks.held.forEach((_, rank) => {
        const to = stride(rank, act.peer);
        const data = get(ranks, rank, before!);
        ranks.mail.set(`${act.channel} ${to}`, data);
        ranks.logs[rank]!.push(`send ${act.channel} to ${to} [${data.shape}] ${before!.type.dtype}`);
      });
      ranks.sent.push({
        what: "send",
        axis: "pp",
        dtype: before!.type.dtype,
        elements: numElements(localShape(before!.type.shape, before!.placement, ranks.degrees)),
      });
      yield "moved";
      return;
    case "receive": {
      const keyOf = (rank: number): string => `${act.channel} ${rank}`;
      const waiting = ranks.held.map((_, rank) => rank).filter((rank) => rank !== undefined);
      while (!waiting.every((rank) => ranks.mail.has(keyOf(rank)))) yield "waits";
      for (const rank of waiting) {
        put(ranks, rank, after!, ranks.mail.get(keyOf(rank))!);
        ranks.mail.delete(keyOf(rank));
      }
      yield "moved";
      return;
    }
    case "contribute":
      ranks.held.forEach((_, rank) => {
        const shape = localShape(after!.type.shape, after!.placement, ranks.degrees);
        put(ranks, rank, after!, before ? get(ranks, rank, before) : zeros(shape));
      });
      return;
    case "join":
      ranks.held.forEach((_, rank) => {
        const parts = inputs.map((value) => get(ranks, rank, value));
        const { what, dim, reduction } = act.move;
        const by = reduction === "max" ? Math.max : (a: number, b: number) => a + b;
        put(ranks, rank, after!, what === "all-gather" ? join(parts, dim) : combine(parts, by));
      });
  }
}

function get(ranks: Ranks, rank: number, value: LocalValue): NdArray {
  const found = ranks.held[rank]!.get(value.id);
  if (!found) throw new Error(`value ${value.id} (${value.name}) is read before it is made`);
  return found;
}

function put(ranks: Ranks, rank: number, value: LocalValue, data: NdArray): void {
  const shape = localShape(value.type.shape, value.placement, ranks.degrees);
  if (!ranks.isBlind && String(data.shape) !== String(shape))
    throw new Error(`value ${value.id} (${value.name}) is [${data.shape}] on rank ${rank}, not [${shape}]`);
  ranks.held[rank]!.set(value.id, data);
}

const alias = (ranks: Ranks, from: LocalValue, to: LocalValue): void =>
  ranks.held.forEach((_, rank) => {
    put(ranks, rank, to, get(ranks, rank, from));
  });

function runOp(step: Extract<Step<"local">, { kind: "op" }>, ranks: Ranks): void {
  const shapes = step.inputs.map(({ type }) => type.shape);
  const letters = stepLetters(step.op, shapes, step.attrs);
  ranks.held.forEach((_, rank) => {
    const at = placeOfRank(rank, step, ranks);
    const attrs = localAttributes(step.op, step.attrs, letters, step.choice, ranks.degrees, at);
    const results = step.op.reference(
      step.inputs.map((value) => get(ranks, rank, value)),
      attrs,
    );
    step.outputs.forEach((value, o) => {
      put(ranks, rank, value, results[o]!);
    });
  });
}

function runJoin({ axis, dim, inputs, outputs: [after] }: JoinStep, ranks: Ranks): void {
  const { degrees } = ranks;
  const n = degrees[axis];
  const size = after.type.shape[dim]!;
  const split = inputs[0]!.placement.dims[dim]!;
  const results = ranks.held.map((_, rank) => {
    const place = groupOf(rank, axis, degrees).indexOf(rank);
    const parts = Array.from({ length: n }, (__, peer) => get(ranks, rank, inputs[(place - peer + n) % n]!));
    const places = parts.flatMap((__, peer) => dealtPlaces(size, split, axis, peer, degrees));
    const from = new Array<number | null>(localSize(size, after.placement.dims[dim]!, degrees)).fill(null);
    places.forEach((at, i) => {
      if (at < from.length) from[at] = i;
    });
    return pick(join(parts, dim), dim, from, garbage);
  });
  results.forEach((result, rank) => {
    put(ranks, rank, after, result);
  });
}

function runFill(step: Extract<Step<"local">, { kind: "fill" }>, ranks: Ranks): void {
  const [before] = step.inputs;
  ranks.held.forEach((_, rank) => {
    const split = before.placement.dims[step.dim]!;
    const at = coordinatesAlong(step.dim, placeOfRank(rank, step, ranks), before.turn, ranks.degrees);
    const { valid } = spanOf(before.type.shape[step.dim]!, split, ranks.degrees, at);
    put(ranks, rank, step.outputs[0], fillFrom(get(ranks, rank, before), step.dim, valid, step.fill));
  });
}

function* runRepeat(step: Extract<Step<"local">, { kind: "repeat" }>, ranks: Ranks): Run {
  for (const { start, enter } of step.carried) alias(ranks, start, enter);
  for (const { outer, inner } of step.shared) alias(ranks, outer, inner);
  for (let round = 0; round < step.count; round++) {
    for (const { items, each } of step.stacked) alias(ranks, items[round]!, each);
    yield* runSteps(step.body, ranks);
    for (const { each, items } of step.collected) alias(ranks, each, items[round]!);
    // All at once: a value may leave through one place that another entered by.
    const leaving = step.carried.map(({ leave }) => ranks.held.map((_, rank) => get(ranks, rank, leave)));
    step.carried.forEach(({ enter, result }, i) => {
      ranks.held.forEach((_, rank) => {
        put(ranks, rank, round === step.count - 1 ? result : enter, leaving[i]![rank]!);
      });
    });
  }
}

/** `laidDown`: what ranks of all stages have, for a collective between them. */
function runMove(step: MoveStep, ranks: Ranks, laidDown: ((rank: number) => NdArray) | null): void {
  const {
    move,
    inputs: [before],
    outputs: [after],
  } = step;
  const { degrees, world } = ranks;
  const { what, axis, dim, to, reduction, by: turnedBy = 0 } = move;
  const n = degrees[axis];
  const held = ranks.held.map((_, rank) => get(ranks, rank, before));
  if (isCollective(move) && n > 1 && !ranks.isBlind)
    ranks.sent.push({
      what,
      axis,
      dtype: before.type.dtype,
      elements: elementsSent(move, before.type.shape, before.placement, after.placement, degrees),
    });
  const by = reduction === "max" ? Math.max : (a: number, b: number) => a + b;
  const results = held.map((mine, rank) => {
    const group = groupOf(rank, axis, world);
    const place = placeOfRank(rank, step, ranks)[axis];
    const parts = group.map((peer) => laidDown?.(peer) ?? held[peer]!);
    if (isCollective(move)) {
      if (parts.some(({ shape }) => String(shape) !== String(mine.shape)))
        throw new Error(`${what} of different shapes`);
      ranks.logs[rank]!.push(`${what} ${axis} ${reduction} [${mine.shape}] ${before.type.dtype} {${group}}`);
    }
    const own = (x: NdArray, d: number): NdArray => {
      const from = dealtPlaces(
        after.type.shape[d]!,
        after.placement.dims[d]!,
        axis,
        (place - turnedBy + n) % n,
        degrees,
      );
      return pick(
        x,
        d,
        from.map((at) => (at < x.shape[d]! ? at : null)),
        garbage,
      );
    };
    const gathered = (): NdArray => {
      const [split, size] = [before.placement.dims[dim]!, before.type.shape[dim]!];
      const places = parts.flatMap((_, peer) => dealtPlaces(size, split, axis, peer, degrees));
      const from = new Array<number | null>(localSize(size, after.placement.dims[dim]!, degrees)).fill(null);
      places.forEach((at, i) => {
        if (at < from.length) from[at] = i;
      });
      return pick(join(parts, dim), dim, from, garbage);
    };
    switch (what) {
      case "all-reduce":
        return combine(parts, by);
      case "reduce-scatter":
        return own(combine(parts, by), dim);
      case "all-gather":
        return gathered();
      case "all-to-all":
        return own(gathered(), to);
      case "permute":
        return parts[(place - 1 + n) % n]!;
      case "slice":
        return own(mine, dim);
      case "own":
        return place === 0 ? mine : zeros(mine.shape);
    }
  });
  results.forEach((result, rank) => {
    put(ranks, rank, after, result);
  });
}
