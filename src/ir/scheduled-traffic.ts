// What one rank sends in one run of a scheduled graph, by axis and kind of collective, as of ring algorithms.
import type { Degrees } from "./mesh.js";
import type { Axis } from "./placement.js";
import type { CollectiveLaunch, Launch, ScheduledGraph } from "./scheduled.js";
import { type DType, numBytesOf } from "./tensor-type.js";

export interface Traffic {
  readonly axis: Axis;
  readonly what: CollectiveLaunch["what"];
  readonly dtype: DType;
  /** Tensors that are moved; several of them may go together. */
  readonly count: number;
  /** That one rank sends. */
  readonly elements: number;
  readonly bytes: number;
}

/** One entry for each axis, kind and element type. */
export function trafficOf({ launches }: ScheduledGraph, degrees: Degrees, variant: number): readonly Traffic[] {
  const found = new Map<string, Traffic>();
  const walk = (list: readonly Launch[], rounds: number): void => {
    for (const launch of list) {
      if (launch.kind === "loop") walk(launch.body, rounds * launch.count);
      if (launch.kind !== "collective" || degrees[launch.axis] === 1) continue;
      const { axis, what, stagger } = launch;
      // Nothing begins in the last rounds of a loop whose gathers run ahead.
      const times = stagger ? (rounds / stagger.count) * (stagger.count - stagger.ahead) : rounds;
      for (const { dtype, numElements } of launch.parts) {
        const elements = times * sentOf(what, numElements[variant]!, degrees[axis]);
        const key = `${axis} ${what} ${dtype}`;
        const known = found.get(key) ?? { axis, what, dtype, count: 0, elements: 0, bytes: 0 };
        found.set(key, {
          ...known,
          count: known.count + times,
          elements: known.elements + elements,
          bytes: known.bytes + elements * numBytesOf[dtype],
        });
      }
    }
  };
  walk(launches, 1);
  return [...found.values()];
}

/** Elements that a rank of `n` sends, of a source of `elements`. */
function sentOf(what: CollectiveLaunch["what"], elements: number, n: number): number {
  switch (what) {
    case "all-reduce":
      return (2 * (n - 1) * elements) / n;
    case "reduce-scatter":
    case "all-to-all":
      return ((n - 1) * elements) / n;
    case "all-gather":
      return (n - 1) * elements;
    case "permute":
    case "send":
      return elements;
    case "receive":
      return 0;
  }
}
