// Which modules are worth computing again: for each, the bytes that backward would no longer keep and the work that it
// would do twice. Sizes are whole ones: only the order counts, and ranks share both alike.
import { wholeCost } from "../../ir/cost.js";
import type { LogicalGraph, RepeatStep, Step } from "../../ir/graph.js";
import { commonLength, isInModule, pathLength, scopesOf } from "../../ir/module-path.js";
import type { Program } from "../../ir/program.js";
import { makesOf, readsOf } from "../../ir/steps.js";
import { numBytesOf, numElements } from "../../ir/tensor-type.js";
import { differentiate } from "./differentiate.js";

/**
 * Sets of modules to recompute, each keeping less and computing more than the one before: modules join in the order of
 * seconds for each byte that is no longer kept, the cheapest first; one that joins takes the place of those inside it.
 * `program` has gradient steps; `already` is recomputed anyway.
 */
export function rankRecomputable(
  program: Program<"logical">,
  already: readonly string[],
): readonly (readonly string[])[] {
  const graphs = [...program.graphs.values()].filter(({ steps }) => steps.some(({ kind }) => kind === "gradient"));
  const before = weigh(graphs, already);
  const worth = candidates(graphs)
    .filter((path) => !already.some((other) => isInModule(path, other)))
    .flatMap((path) => {
      const after = weigh(graphs, [...already, path]);
      const [bytes, seconds] = [before.keptBytes - after.keptBytes, after.seconds - before.seconds];
      return bytes > 0 ? [{ path, price: seconds / bytes }] : [];
    })
    .sort((a, b) => a.price - b.price);
  const sets: (readonly string[])[] = [];
  let now = already;
  for (const { path } of worth) {
    if (now.some((other) => isInModule(path, other))) continue;
    now = [...now.filter((other) => already.includes(other) || !isInModule(other, path)), path];
    sets.push(now);
  }
  return sets;
}

/** Paths of modules that ops are in and that hold no loop: what those make again is all there at once, which saves nothing. */
function candidates(graphs: readonly LogicalGraph[]): readonly string[] {
  const paths = new Set<string>();
  const loops: { readonly scope: string; readonly length: number }[] = [];
  const note = (steps: readonly Step<"logical">[]): void => {
    for (const step of steps) {
      if (step.phase !== "forward") continue;
      if (step.kind === "repeat") {
        note(step.body);
        loops.push({ scope: firstScope(step), length: commonLength(step.body) });
        continue;
      }
      const parts = step.scope === "" ? [] : step.scope.split(".");
      for (let i = 1; i <= parts.length; i++) paths.add(parts.slice(0, i).join("."));
    }
  };
  for (const { steps } of graphs) note(steps);
  return [...paths].filter(
    (path) => !loops.some(({ scope, length }) => pathLength(path) < length && isInModule(scope, path)),
  );
}

const firstScope = (repeat: RepeatStep<"logical">): string => scopesOf(repeat.body).next().value ?? "";

/** Bytes that pass from forward to backward, and the seconds of a step on a machine that is neither fast nor slow. */
function weigh(graphs: readonly LogicalGraph[], recomputed: readonly string[]): { keptBytes: number; seconds: number } {
  let [keptBytes, seconds] = [0, 0];
  for (const graph of graphs) {
    const { steps } = differentiate(graph, recomputed);
    const read = new Set(steps.flatMap((step) => (step.phase === "backward" ? readsOf(step).map(({ id }) => id) : [])));
    for (const step of steps)
      if (step.phase === "forward")
        for (const { id, type } of makesOf(step))
          if (read.has(id)) keptBytes += numElements(type.shape) * numBytesOf[type.dtype];
    const { flops, bytes } = wholeCost(steps);
    seconds += flops / flopsPerSecond + bytes / bytesPerSecond;
  }
  return { keptBytes, seconds };
}

/** Ten operations in the time of a byte, as processors have it with float32: their ratio alone decides. */
const flopsPerSecond = 500e9;
const bytesPerSecond = 50e9;
