// Kernels compiled by g++ give what they mean, bit for bit the same for every number of threads.
import { beforeAll, describe, expect, test } from "vitest";
import { roundToBf16 } from "../../src/ir/interpret-kernel.js";
import { type KernelCase, runCompiled } from "./compile-kernels.js";
import { handMadeCases, recordCases } from "./kernel-cases.js";
import { runScheduledKernel } from "./run-scheduled-kernel.js";

/** Rounding of float32 in sums of up to 100,000 terms and functions of two units in the last place; of bf16 at the store. */
const tolerances = { f32: 2e-5, bf16: 8e-3, i32: 0, bool: 0 } as const;

/** Memory as the compiled program sees it: bf16 is rounded. */
function expected({ kernel, memory }: KernelCase): readonly Float64Array[] {
  const copies = memory.map((elements, k) =>
    kernel.operands[k]!.dtype === "bf16" ? elements.map(roundToBf16) : elements.slice(),
  );
  runScheduledKernel(kernel, copies);
  return copies;
}

/** The first element that is not what it should be, or null. */
function difference(found: Float64Array, wanted: Float64Array, tolerance: number): string | null {
  for (let i = 0; i < wanted.length; i++) {
    const [x, y] = [found[i]!, wanted[i]!];
    if (Object.is(x, y) || x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    if (!(Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(y)))) return `element ${i} is ${x}, not ${y}`;
  }
  return null;
}

describe.each([
  ["made by hand", handMadeCases],
  ["of the records", recordCases],
])("kernels %s", (_, cases) => {
  let results: Awaited<ReturnType<typeof runCompiled>>;
  beforeAll(async () => {
    results = await runCompiled(cases, [1, 3]);
  });

  test.each(cases.map((each, i) => ({ name: each.kernel.name, i })))("$name", ({ i }) => {
    const { kernel } = cases[i]!;
    const wanted = expected(cases[i]!);
    const [alone, shared] = [results.get(1)![i]!, results.get(3)![i]!];
    kernel.operands.forEach(({ name, dtype }, k) => {
      expect(difference(alone[k]!, wanted[k]!, tolerances[dtype]), name).toBeNull();
      expect(difference(shared[k]!, alone[k]!, 0), `${name} with three threads`).toBeNull();
    });
  });
});
