// The examples spread by their own hooks: configs alone make them parallel, every pass keeps the answer, and every rank
// has one rank's numbers.
import { describe, expect, test } from "vitest";
import { comparePasses } from "../compare-passes.js";
import { inputsFrom } from "../run-program.js";
import { evaluateSmall } from "../small-examples.js";

const inputs = inputsFrom({ below: 11, zeroGradients: true });

const configs: { readonly [name: string]: { readonly [entry: string]: string | number | boolean } } = {
  tp2: { tensorParallel: 2 },
  "tp2 loss": { tensorParallel: 2, lossParallel: true },
  "tp4 loss": { tensorParallel: 4, lossParallel: true },
  "fsdp2 tp2 loss checkpointed": {
    dpShard: 2,
    tensorParallel: 2,
    lossParallel: true,
    activationCheckpointing: true,
  },
  hsdp2x2: { dpReplicate: 2, dpShard: 2 },
  cp2: { contextParallel: 2 },
};

function compare(example: string, name: string): void {
  const settings = Object.entries({ dpReplicate: 1, ...configs[name] });
  const program = evaluateSmall(
    example,
    undefined,
    Object.fromEntries(settings.map(([entry, value]) => [`deviceParameters.${entry}`, value])),
  );
  const { found, passes } = comparePasses(program, inputs, { padding: 7 });
  expect(found).toEqual([]);
  expect(passes).toContain("moveIntoRepeats");
}

describe.each(["gpt", "llama"])("%s", (example) => {
  test.each(Object.keys(configs))("%s", (name) => compare(example, name));
});
test.each(["mlp", "gan"])("hsdp2x2 of %s, by default", (example) => compare(example, "hsdp2x2"));
