// How kernels read: one of each kind of loops.
import { expect, test } from "vitest";
import { kernelFunction } from "../../codegen/cpu/kernel-function.js";
import { handMadeCases } from "./kernel-cases.js";

test.each([
  "flat",
  "take",
  "padRows",
  "norm",
  "crossEntropy",
  "wholeSum",
  "biasGradient",
  "sumOfPaddedRows",
  "normOfColumns",
])("%s", (name) => {
  const { kernel } = handMadeCases.find((each) => each.kernel.name === name)!;
  const { declarations, body } = kernelFunction(
    kernel,
    kernel.operands.map(() => false),
    { fieldOf: (_, what) => what },
  );
  const lines = [`static void ${name}(${declarations.join(", ")}) {`, ...body.map((line) => `  ${line}`), "}"];
  expect(lines.join("\n")).toMatchSnapshot();
});
