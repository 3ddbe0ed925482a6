// The graphs that trainers become, interpreted in float64, against PyTorch's stored logits, gradients and AdamW steps:
// what the language, its library and reverse mode mean, before any pass for speed and any C++.

import { describe, it } from "vitest";
import { showDeviations } from "./compare.js";
import { expectInterpretedParity } from "./interpreted.js";
import { modelNames, readReference, storedFolder } from "./reference.js";

describe.each(modelNames)("%s, interpreted", (name) => {
  const reference = readReference(storedFolder(name));

  it("has PyTorch's logits, gradients and losses", () => {
    const { found, fromFloat64 } = expectInterpretedParity(name, reference);
    console.log(`${name}, interpreted: ${showDeviations(found)}; from float64 ${fromFloat64}`);
  });
});
