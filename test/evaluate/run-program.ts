// Whole programs in the interpreter, and their gradients by finite differences.
import { resolve } from "node:path";
import type { LogicalGraph } from "../../src/ir/graph.js";
import { runGraph, zeroStates } from "../../src/ir/interpret.js";
import { type Batch, type ProgramInputs, type ProgramRun, runProgram } from "../../src/ir/interpret-program.js";
import type { NdArray } from "../../src/ir/nd.js";
import type { Program } from "../../src/ir/program.js";
import type { State } from "../../src/ir/state.js";
import { numElements } from "../../src/ir/tensor-type.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { evaluate } from "../../src/phases/1-evaluate/evaluate.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { parsed } from "./parsed.js";

/** Of a trainer's file, by its path from the root of the repository: its program with gradients, every graph verified. */
export function programOf(path: string): Program<"logical"> {
  const program = evaluate(resolve(import.meta.dirname, "../..", path), { checkTypes: false, parsed });
  const graphs = [...program.graphs].map(([name, graph]) => {
    const differentiated = differentiate(graph);
    for (const checked of [graph, differentiated]) {
      const [problem] = verifyGraph(checked);
      if (problem) throw new Error(problem.message);
    }
    return [name, differentiated] as const;
  });
  return { ...program, graphs: new Map(graphs) };
}

/** Batches of tokens in which each token follows from the one before: something to learn. */
export function tokenBatch(shape: readonly number[], vocabSize: number, place: number): Batch {
  const [, length = 1] = shape;
  const data = Float64Array.from({ length: numElements(shape) }, (_, i) => {
    const row = Math.floor(i / length);
    return (place * 3 + row * 5 + (i % length) * 2) % vocabSize;
  });
  return { inputIds: { shape, data } };
}

/** Runs a program whose loaders give token batches, `numBatches` an epoch. */
export const runOnTokens = (
  program: Program<"logical">,
  vocabSize: number,
  numBatches: number,
  inputs: ProgramInputs = {},
): ProgramRun =>
  runProgram(program, {
    numBatches: () => numBatches,
    readBatch: ({ fields }, epoch, index) => tokenBatch(fields[0]!.type.shape, vocabSize, epoch * numBatches + index),
    ...inputs,
  });

/** States as they are once initialised. */
export function initialStates(program: Program<"logical">, inputs: ProgramInputs = {}): Map<State, NdArray> {
  let states = zeroStates(program.states);
  runProgram(program, { numBatches: () => 0, maxSteps: 0, ...inputs, initialized: (made) => (states = new Map(made)) });
  return states;
}

/** Relative error of each gradient that a graph offers against central differences of its result `loss`. */
export function gradientErrors(
  graph: LogicalGraph,
  states: ReadonlyMap<State, NdArray>,
  batch: Batch,
  /** What the loss is multiplied by before its gradient is taken. */
  scale = 1,
): ReadonlyMap<string, number> {
  const run = (changed: ReadonlyMap<State, NdArray>) =>
    runGraph(graph, (source, { type }) => {
      if (source.kind === "state") return changed.get(source.state)!;
      if (source.kind === "batch") return batch[source.field]!;
      return { shape: type.shape, data: new Float64Array(numElements(type.shape)).fill(1) };
    });
  const { observed } = run(states);
  const step = 1e-5;
  return new Map(
    [...observed].map(([name, gradient]) => {
      const [state, value] = [...states].find(([each]) => each.name === name)!;
      // Two places of each tensor.
      const places = [...new Set([Math.min(1, value.data.length - 1), value.data.length - 1])];
      let [difference, size] = [0, 1e-9];
      for (const at of places) {
        const lossAt = (offset: number): number => {
          const data = value.data.slice();
          data[at]! += offset;
          return run(new Map([...states, [state, { ...value, data }]])).results.get("loss")!.data[0]!;
        };
        const slope = (scale * (lossAt(step) - lossAt(-step))) / (2 * step);
        difference += (slope - gradient.data[at]!) ** 2;
        size += slope ** 2;
      }
      return [name, Math.sqrt(difference / size)];
    }),
  );
}
