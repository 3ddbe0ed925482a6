// A parity trainer in the interpreter: evaluated and differentiated, then run in float64 on the reference's weights.
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { compile } from "../../src/compile.js";
import { runProgram } from "../../src/ir/interpret-program.js";
import type { NdArray } from "../../src/ir/nd.js";
import type { Program } from "../../src/ir/program.js";
import type { State } from "../../src/ir/state.js";
import { type Deviations, expectParity, type ParityRun } from "./compare.js";
import { type Reference, readBatch } from "./reference.js";

export const trainerFile = (name: string): string => fileURLToPath(new URL(`trainers/${name}.ts`, import.meta.url));

/** The last logical program of the pipeline. */
function logicalProgram(file: string): Program<"logical"> {
  let last: Program<"logical"> | null = null;
  compile(file, {
    onPass: ({ program }) => {
      if (program.level === "logical") last = program as Program<"logical">;
    },
  });
  if (last === null) throw new Error(`${file} has no logical program`);
  return last;
}

export function interpretTrainer(trainer: string, reference: Reference): ParityRun {
  const program = logicalProgram(trainerFile(trainer));
  const logitsState = program.states.find(({ name }) => name === "logits.value");
  if (!logitsState) throw new Error("the trainer keeps no logits");
  let held: ReadonlyMap<State, NdArray> = new Map();
  let first: Pick<ParityRun, "logits" | "gradients"> | null = null;
  const { events } = runProgram(program, {
    maxSteps: reference.expected.losses.length,
    numBatches: () => reference.expected.losses.length,
    readBatch: ({ fields }, _epoch, index) => {
      const [field] = fields;
      return { [field!.name]: readBatch(reference.tokensFolder, index, field!.type.shape as [number, number]) };
    },
    initialized: (states) => {
      for (const state of program.states) {
        if (state.kind !== "parameter") continue;
        const weights = reference.weights.get(state.name);
        if (!weights) throw new Error(`the reference has no weights for ${state.name}`);
        states.set(state, weights);
      }
      held = states;
    },
    observed: (_graph, gradients) => {
      if (gradients.size > 0) first ??= { logits: held.get(logitsState)!, gradients };
    },
  });
  if (first === null) throw new Error("no graph offers gradients");
  return {
    ...(first as Pick<ParityRun, "logits" | "gradients">),
    losses: events.map(({ metrics }) => metrics.loss!),
    gradNorms: events.map(({ metrics }) => metrics.gradNorm!),
  };
}

/** The interpreter computes in float64: its losses are PyTorch's in float64, and the tensors as near as float32 is. */
export function expectInterpretedParity(
  trainer: string,
  reference: Reference,
): { readonly found: Deviations; readonly fromFloat64: number } {
  const run = interpretTrainer(trainer, reference);
  const found = expectParity(run, reference, {
    logits: 5e-6,
    together: 5e-6,
    gradient: () => 5e-5,
    loss: 2e-5,
    gradNorm: 2e-5,
  });
  const { losses } = reference.expected.float64;
  const errors = run.losses.map((loss, i) => Math.abs(loss - losses[i]!));
  // Only the order of sums differs (seen: 4e-14).
  for (const error of errors) expect(error).toBeLessThanOrEqual(1e-11);
  return { found, fromFloat64: Math.max(...errors) };
}
