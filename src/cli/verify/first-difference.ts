// Where two programs begin to differ: both are run with every value observed, and compared in the order in which values
// are made.

import type { MoveStep } from "../../ir/graph.js";
import type { NdArray } from "../../ir/nd.js";
import { stageGraphs } from "../../ir/pipeline.js";
import type { Program } from "../../ir/program.js";
import { type SeenValue, seenValues } from "../../phases/2-differentiate/observe-values.js";
import { collectiveBefore } from "./collective-before.js";
import { norm, relativeDistance } from "./compare-runs.js";
import type { Side, SideRun } from "./side.js";

/** Far above rounding, also where a value is a difference of larger ones; far below a lost term. */
const tolerance = 1e-3;
/** A value whose elements are smaller than this share of its phase's largest holds rounding. */
const leastShare = 1e-4;

export interface FirstDifference {
  readonly graph: string;
  readonly step: number;
  readonly seen: SeenValue;
  readonly error: number;
  /** The nearest collective that it was made through; null: none. */
  readonly collective: MoveStep | null;
  /** Values compared before it. */
  readonly numEqual: number;
}

/** Null where every value that can be seen is equal. `side` is the program on the mesh, observed. */
export function firstDifference(side: Side, here: SideRun, alone: SideRun, numSteps: number): FirstDifference | null {
  let numEqual = 0;
  for (let step = 1; step <= numSteps; step++) {
    for (const graph of side.logical.graphs.values()) {
      const compared = comparable(seenValues(graph), step, here.gradients, alone.gradients);
      const least = leastByPhase(compared);
      for (const { seen, a, b } of compared) {
        const floor = (least.get(phaseOf(seen)) ?? 0) * Math.sqrt(b.data.length);
        const error = relativeDistance(a, b, floor);
        if (error <= tolerance) {
          numEqual++;
          continue;
        }
        return {
          graph: graph.name,
          step,
          seen,
          error,
          collective: collectiveOf(side.local, graph.name, seen),
          numEqual,
        };
      }
    }
  }
  return null;
}

/** In the graph of the stage that makes the value, where there are stages. */
function collectiveOf({ graphs, pipelined }: Program<"local">, name: string, { label }: SeenValue): MoveStep | null {
  for (const graph of stageGraphs(pipelined, name).map((each) => graphs.get(each)!)) {
    const seen = graph.observed.find((each) => each.label === label);
    if (seen) return collectiveBefore(graph, seen.value.id);
  }
  return null;
}

interface Pair {
  readonly seen: SeenValue;
  readonly a: NdArray;
  readonly b: NdArray;
}

/** Sums in parts that nobody makes whole are seen on one device alone. */
const comparable = (
  all: readonly SeenValue[],
  step: number,
  here: SideRun["gradients"],
  alone: SideRun["gradients"],
): readonly Pair[] =>
  all.flatMap((seen) => {
    const label = step === 1 ? seen.label : `${seen.label}@${step}`;
    const [a, b] = [here.get(label), alone.get(label)];
    return a && b ? [{ seen, a, b }] : [];
  });

const phaseOf = ({ maker }: SeenValue): string => maker?.phase ?? "state";

function leastByPhase(pairs: readonly Pair[]): ReadonlyMap<string, number> {
  const largest = new Map<string, number>();
  for (const { seen, b } of pairs) {
    const size = norm(b.data) / Math.sqrt(Math.max(1, b.data.length));
    largest.set(phaseOf(seen), Math.max(largest.get(phaseOf(seen)) ?? 0, leastShare * size));
  }
  return largest;
}
