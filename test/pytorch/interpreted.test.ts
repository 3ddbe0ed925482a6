// The graphs that trainers become, interpreted in float64, against PyTorch's stored logits, gradients and AdamW steps:
// what the language, its library and reverse mode mean, before any pass for speed and any C++.

import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { expectParity, showDeviations } from "./compare.js";
import { interpretTrainer } from "./interpreted.js";
import { modelNames, readReference } from "./reference.js";

const folderOf = (name: string): string => fileURLToPath(new URL(`../fixtures/pytorch/${name}`, import.meta.url));

describe.each(modelNames)("%s, interpreted", (name) => {
  const reference = readReference(folderOf(name));

  it("has PyTorch's logits, gradients and losses", () => {
    const run = interpretTrainer(name, reference);
    // Float32 is what PyTorch computed the tensors in; the curves are there in float64 too.
    const found = expectParity(run, reference, { logits: 2e-6, gradient: () => 2e-5, loss: 1e-5, gradNorm: 1e-5 });
    const errors = run.losses.map((loss, i) => Math.abs(loss - reference.expected.float64.losses[i]!));
    // Both in float64: only the order of sums differs (seen: 4e-14).
    for (const error of errors) expect(error).toBeLessThanOrEqual(1e-11);
    console.log(`${name}, interpreted: ${showDeviations(found)}; from float64 ${Math.max(...errors).toExponential(1)}`);
  });
});
