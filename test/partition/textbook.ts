// What a training step of a language-model example sends by the textbook, per axis, in elements that one rank passes on:
// sums over parameters, activations and scalars, which know nothing of how programs are compiled.
import type { LocalGraph, Step } from "../../src/ir/graph.js";
import { type Degrees, degreesOf } from "../../src/ir/mesh.js";
import type { Axis, Mesh } from "../../src/ir/placement.js";
import type { Program } from "../../src/ir/program.js";
import type { State } from "../../src/ir/state.js";
import { elementsSent } from "../../src/ir/traffic.js";
import { tensorParallelDim } from "./parallel-plans.js";

export type SentByAxis = { readonly [A in Axis]?: number };

/** What the collectives of a graph send. */
export function sentBy(graph: LocalGraph, mesh: Mesh): SentByAxis {
  const sent: { [A in Axis]?: number } = {};
  const degrees = degreesOf(mesh);
  const walk = (steps: readonly Step<"local">[], times: number): void => {
    for (const step of steps) {
      if (step.kind === "repeat") walk(step.body, times * step.count);
      if (step.kind !== "move") continue;
      const { move, inputs, outputs } = step;
      const [before, after] = [inputs[0], outputs[0]];
      const elements = elementsSent(move, before.type.shape, before.placement, after.placement, degrees);
      if (elements > 0) sent[move.axis] = (sent[move.axis] ?? 0) + times * elements;
    }
  };
  walk(graph.steps, 1);
  return sent;
}

export interface Shape {
  readonly batch: number;
  readonly time: number;
  readonly width: number;
  readonly vocab: number;
  readonly layers: number;
}
export interface Technique {
  /** Between blocks the sequence is split; else every rank has it all. */
  readonly isSequenceParallel: boolean;
  readonly isLossParallel: boolean;
  /** Another microbatch follows: gradients stay sums, but for what FSDP scatters, and there is no norm yet. */
  readonly isAccumulating?: boolean;
}

const product = (sizes: readonly number[]): number => sizes.reduce((n, size) => n * size, 1);

/** Batch and sequence divide; the loss is over all places but the last of each sequence. */
export function textbook(
  program: Program,
  shape: Shape,
  { isSequenceParallel, isLossParallel, isAccumulating = false }: Technique,
): SentByAxis {
  const n: Degrees = degreesOf(program.mesh);
  const { batch, time, width, vocab, layers } = shape;
  const splitsEmbedding = isSequenceParallel || isLossParallel;
  const parameters = program.states.filter(({ kind }) => kind === "parameter");
  const isTensorSplit = (state: State): boolean => n.tp > 1 && dimOf(state) !== null;
  const dimOf = (state: State): number | null =>
    tensorParallelDim(state, { degrees: {}, isLossParallel, splitsEmbedding });
  /** What one rank holds at rest: cut by tensor parallel, then along dim 0 by FSDP, each rounding up. */
  const atRest = (state: State): number => {
    const cut = state.type.shape.map((size, dim) =>
      isTensorSplit(state) && dimOf(state) === dim ? Math.ceil(size / n.tp) : size,
    );
    return product(cut.map((size, dim) => (dim === 0 ? Math.ceil(size / n.dpShard) : size)));
  };
  const held = (states: readonly State[]): number => states.reduce((total, state) => total + atRest(state), 0);
  const allReduced = (axis: Axis, elements: number): number => (2 * (n[axis] - 1) * elements) / n[axis];

  // Backward gathers the parameters of the blocks again: weights, and biases of norms whose result it makes again.
  const read = parameters.filter(({ name }) => {
    const isBias = name.endsWith(".bias");
    return name.includes(".blocks.") && !(isBias && (isSequenceParallel || !name.includes("norm")));
  });
  const rows = batch / (n.dpReplicate * n.dpShard);
  const norm = isAccumulating ? 0 : 1;
  const sums = n.dpShard > 1 ? 2 + norm : 2;
  const activation = rows * time * width;
  const classes = rows * (time - 1);
  const replicated = parameters.filter((state) => !isTensorSplit(state));
  // Row-parallel embeddings and the column-parallel head send as much as one projection of a block each.
  const ends = isSequenceParallel ? 2 * activation : isLossParallel ? activation + classes * width : 0;
  const beside =
    (isSequenceParallel && !isAccumulating ? held(replicated) : 0) +
    (isLossParallel ? 3 * classes : 0) +
    // The square of the gradient norm.
    norm;
  // The plan asks for the head's result whole, all places of it.
  const logits = isSequenceParallel && !isLossParallel ? (n.tp - 1) * rows * time * Math.ceil(vocab / n.tp) : 0;
  const sent: { [A in Axis]?: number } = {};
  if (n.dpReplicate > 1) sent.dpReplicate = allReduced("dpReplicate", (isAccumulating ? 0 : held(parameters)) + 2);
  if (n.dpShard > 1) sent.dpShard = (n.dpShard - 1) * (2 * held(parameters) + held(read)) + allReduced("dpShard", sums);
  if (n.tp > 1) sent.tp = allReduced("tp", 4 * layers * activation + ends + beside) + logits;
  return sent;
}
