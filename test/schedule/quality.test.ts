// How good a schedule is, at the sizes of GPT-2 small with batch 4 and sequence 256: launches, bytes that kernels move,
// bytes of the arena. The numbers are printed; a change for the worse fails.
import { expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { memoryPlan } from "../../src/ir/memory-plan.js";
import { oneRank } from "../../src/ir/mesh.js";
import type { Kernel, Launch } from "../../src/ir/scheduled.js";
import { numBytesOf } from "../../src/ir/tensor-type.js";
import { verifyScheduled } from "../../src/ir/verify-scheduled.js";
import { schedule } from "../../src/phases/4-schedule/schedule.js";
import { evaluateSmall } from "../small-examples.js";

const sizes = {
  hiddenSize: 768,
  numLayers: 12,
  numHeads: 12,
  vocabSize: 50257,
  sequenceLength: 256,
  trainBatchSize: 4,
};
const program = schedule(compileProgram({ ...evaluateSmall("gpt", sizes), mesh: oneRank }));
const [, graph] = [...program.graphs].find(([name]) => name.startsWith("trainingStep"))!;

function bytesOf({ outer, inner, operands }: Kernel, size: number | null): number {
  const letters = [...outer, ...inner];
  return operands.reduce((bytes, { strides, atStrides, dtype, role }) => {
    const own = letters.filter(({ letter }) => atStrides.length > 0 || letter in strides);
    const elements = own.reduce((n, letter) => n * (size ?? letter.size[0]!), 1);
    return bytes + elements * numBytesOf[dtype] * (role === "both" ? 2 : 1);
  }, 0);
}

function count(launches: readonly Launch[]): { launches: number; bytes: number; kernels: number } {
  const total = { launches: 0, bytes: 0, kernels: 0 };
  for (const launch of launches) {
    if (launch.kind === "loop") {
      const body = count(launch.body);
      total.launches += launch.count * body.launches;
      total.bytes += launch.count * body.bytes;
      total.kernels += body.kernels;
      continue;
    }
    if (launch.kind === "observe") continue;
    total.launches++;
    if (launch.kind === "kernel") total.bytes += bytesOf(launch.kernel, null);
    if (launch.kind === "table") for (const { size } of launch.rows) total.bytes += bytesOf(launch.kernel, size[0]!);
    if (launch.kind === "kernel" || launch.kind === "table") total.kernels++;
  }
  return total;
}

test("GPT-2 small", () => {
  expect(verifyScheduled(program)).toEqual([]);
  const found = count(graph.launches);
  const plan = memoryPlan(program);
  const { liveBytes, plannedBytes, live } = plan.graphs.find((each) => each.graph === graph.name)!;
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  console.log(
    `one step: ${found.launches} launches of ${found.kernels} kernels, ${megabytes(found.bytes)} through kernels, ` +
      `arena ${megabytes(plannedBytes)} (${megabytes(liveBytes)} alive), largest: ` +
      live
        .slice(0, 5)
        .map(({ name, bytes, count: n }) => `${n} ${name} ${megabytes(bytes)}`)
        .join(", "),
  );
  expect(found.launches).toBeLessThanOrEqual(540);
  expect(found.kernels).toBeLessThanOrEqual(45);
  // An optimizer step alone moves seven floats per parameter: 3.5 GB.
  expect(found.bytes).toBeLessThanOrEqual(7.6e9);
  expect(plannedBytes).toBeLessThanOrEqual(1.05 * liveBytes);
  expect(liveBytes).toBeLessThanOrEqual(0.95e9);
});

test("the optimizer is one table for each kind of update, the squares of the layers' gradients are one", () => {
  const tables = graph.launches.filter((launch) => launch.kind === "table");
  const parameters = new Set(
    program.states.flatMap(({ state, buffer }) => (state.kind === "parameter" ? [buffer] : [])),
  );
  const updates = tables.filter(({ kernel, rows }) =>
    rows[0]!.operands.some(({ place }, i) => kernel.operands[i]!.role !== "read" && parameters.has(place as never)),
  );
  expect(updates.length).toBe(2);
  expect(updates.reduce((n, { rows }) => n + rows.length, 0)).toBe(parameters.size);
  // Sixteen of each of twelve layers.
  expect(tables.some(({ rows, kernel }) => rows.length === 192 && kernel.inner.length === 1)).toBe(true);
});
