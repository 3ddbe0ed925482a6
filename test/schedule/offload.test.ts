// Optimizer state in host memory: an area of its own at the end of the states, which updates alone read, element by
// element, so that a device can bring it in and hand it back by parts.
import { expect, test } from "vitest";
import { compileToEnd } from "../../src/compile.js";
import { defaultLayout } from "../../src/ir/layout.js";
import { memoryPlan } from "../../src/ir/memory-plan.js";
import { meshOf } from "../../src/ir/mesh.js";
import type { Buffer, Kernel, Launch, Place } from "../../src/ir/scheduled.js";
import { evaluateSmall } from "../small-examples.js";

const program = { ...evaluateSmall("gpt"), mesh: meshOf({ dpShard: "auto" }) };
const kept = compileToEnd(program);
const offloaded = compileToEnd({ ...program, layout: { ...defaultLayout, offloadsOptimizer: true } });

test("moves no byte: the optimizer's are the last of the states", () => {
  offloaded.variants.forEach(({ areas }, variant) => {
    const { stateBytes, arenaBytes, offloadedBytes } = areas[0]!;
    const before = kept.variants[variant]!.areas[0]!;
    expect([stateBytes, arenaBytes]).toEqual([before.stateBytes, before.arenaBytes]);
    expect(before.offloadedBytes).toBe(0);
    for (const { state, buffer, isOffloaded } of offloaded.states) {
      expect(isOffloaded).toBe(state.kind === "optimizer");
      const { offset } = buffer.home as { readonly offset: readonly number[] };
      expect(offset[variant]! >= stateBytes - offloadedBytes, state.name).toBe(isOffloaded);
    }
    const plan = memoryPlan(offloaded, variant);
    const optimizer = plan.states.find(({ kind }) => kind === "optimizer")!;
    expect(optimizer.isOffloaded).toBe(true);
    // Every state begins at a multiple of 64 bytes.
    expect(plan.offloadedBytes - optimizer.bytes).toBeLessThan(64 * offloaded.states.length);
    expect(plan.offloadedBytes).toBeGreaterThanOrEqual(optimizer.bytes);
  });
});

interface Touch {
  readonly kernel: Kernel;
  readonly operand: number;
}
function touches(launches: readonly Launch[], wanted: ReadonlySet<Buffer>): readonly (Touch | Launch["kind"])[] {
  const isThere = (place: Place): boolean =>
    place.kind === "buffer" ? wanted.has(place) : place.items.some((item) => isThere(item));
  return launches.flatMap((launch): readonly (Touch | Launch["kind"])[] => {
    if (launch.kind === "loop") return touches(launch.body, wanted);
    if (launch.kind === "wait") return [];
    if (launch.kind === "observe") return isThere(launch.view.place) ? [launch.kind] : [];
    if (launch.kind === "collective")
      return launch.parts.some(({ source, target }) => isThere(source.place) || isThere(target.place))
        ? [launch.kind]
        : [];
    if (launch.kind === "call") return launch.operands.some(({ place }) => isThere(place)) ? [launch.kind] : [];
    const rows = launch.kind === "table" ? launch.rows.map(({ operands }) => operands) : [launch.operands];
    return rows.flatMap((operands) =>
      operands.flatMap(({ place }, operand) => (isThere(place) ? [{ kernel: launch.kernel, operand }] : [])),
    );
  });
}

test("is read by updates alone, element by element", () => {
  const wanted = new Set(offloaded.states.flatMap(({ buffer, isOffloaded }) => (isOffloaded ? [buffer] : [])));
  let reads = 0;
  for (const { launches } of offloaded.graphs.values())
    for (const touch of touches(launches, wanted)) {
      if (typeof touch === "string") throw new Error(`a ${touch} touches what is offloaded`);
      const { kernel, operand } = touch;
      const { role, atStrides } = kernel.operands[operand]!;
      expect(atStrides, kernel.name).toEqual([]);
      expect(kernel.inner, kernel.name).toEqual([]);
      if (role === "write") continue;
      reads++;
      for (const { phase } of kernel.from) expect(phase, kernel.name).toBe("update");
    }
  expect(reads).toBeGreaterThanOrEqual(wanted.size);
});
