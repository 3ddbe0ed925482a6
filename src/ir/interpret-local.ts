// Runs a local graph on N simulated ranks in lock step, in float64. Slow and obvious. Every rank executes every step;
// a collective reads the buffers of its group. Shapes are compared with what the types say.
import type { LocalGraph, LocalValue, MoveStep, Step } from "./graph.js";
import { dealtPlaces, localShape, localSize, spanOf } from "./local-size.js";
import { localAttributes } from "./localize.js";
import { coordinatesOf, type Degrees, groupOf, numRanks } from "./mesh.js";
import { type NdArray, zeros } from "./nd.js";
import { combine, fillFrom, join, pick } from "./nd-pieces.js";
import type { Axis } from "./placement.js";
import { garbage } from "./shards.js";
import { stepLetters } from "./step-letters.js";
import type { DType } from "./tensor-type.js";
import { elementsSent, isCollective } from "./traffic.js";
import { turnedCoordinates } from "./turn.js";

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

interface Ranks {
  readonly degrees: Degrees;
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
  const held = Array.from({ length: numRanks(degrees) }, () => new Map<number, NdArray>());
  const ranks: Ranks = { degrees, held, sent: [], logs: held.map(() => []), isBlind };
  graph.inputs.forEach(({ value }, index) => {
    held.forEach((_, rank) => {
      put(ranks, rank, value, inputs(value, index, rank));
    });
  });
  runSteps(graph.steps, ranks);
  return ranks;
}

function runSteps(steps: readonly Step<"local">[], ranks: Ranks): void {
  for (const step of steps) {
    if (step.kind === "op") runOp(step, ranks);
    else if (step.kind === "fill") runFill(step, ranks);
    else if (step.kind === "move") runMove(step, ranks);
    else runRepeat(step, ranks);
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
    const at = coordinatesOf(rank, ranks.degrees);
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

function runFill(step: Extract<Step<"local">, { kind: "fill" }>, ranks: Ranks): void {
  const [before] = step.inputs;
  ranks.held.forEach((_, rank) => {
    const split = before.placement.dims[step.dim]!;
    const at = turnedCoordinates(coordinatesOf(rank, ranks.degrees), before.turn, ranks.degrees);
    const { valid } = spanOf(before.type.shape[step.dim]!, split, ranks.degrees, at);
    put(ranks, rank, step.outputs[0], fillFrom(get(ranks, rank, before), step.dim, valid, step.fill));
  });
}

function runRepeat(step: Extract<Step<"local">, { kind: "repeat" }>, ranks: Ranks): void {
  for (const { start, enter } of step.carried) alias(ranks, start, enter);
  for (const { outer, inner } of step.shared) alias(ranks, outer, inner);
  for (let round = 0; round < step.count; round++) {
    for (const { items, each } of step.stacked) alias(ranks, items[round]!, each);
    runSteps(step.body, ranks);
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

function runMove({ move, inputs: [before], outputs: [after] }: MoveStep, ranks: Ranks): void {
  const { degrees } = ranks;
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
    const group = groupOf(rank, axis, degrees);
    const place = group.indexOf(rank);
    const parts = group.map((peer) => held[peer]!);
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
