// What the user's hooks ask of the layout, while a trainer is evaluated; the program's `Layout` in the end.
import {
  type Arrival,
  defaultLayout,
  type Layout,
  type Mark,
  type PipelineRequest,
  type ShardUnit,
} from "../../../ir/layout.js";
import type { Axis } from "../../../ir/placement.js";
import type { State } from "../../../ir/state.js";
import { withStars } from "./star-paths.js";

/** What the config alone says. */
export type Switches = Pick<
  Layout,
  | "asyncTensorParallel"
  | "rotateMethod"
  | "balancesSequence"
  | "fusesKernels"
  | "memoryBudget"
  | "offloadsOptimizer"
  | "accumulatesWhole"
>;

export class LayoutRequests {
  readonly uses = new Map<State, Mark>();
  readonly marks = new Map<string, Mark>();
  readonly arrivals = new Map<string, Arrival>();
  readonly shardUnits: ShardUnit[] = [];
  readonly recomputed = new Set<string>();
  pipeline: PipelineRequest | null = null;
  prefetch = defaultLayout.prefetch;
  switches: Switches | null = null;

  /** Undefined; or the dim that the state is split along already, where that is another one: a tied parameter is one tensor. */
  use(state: State, axis: Axis, dim: number | null): number | null | undefined {
    const before = this.uses.get(state)?.[axis];
    if (before !== undefined && before !== dim) return before;
    this.uses.set(state, { ...this.uses.get(state), [axis]: dim });
    return undefined;
  }

  /** The name of a mark says all of it, so that repeated modules have equal marks. `comes`: undefined where nothing is said. */
  mark(axis: Axis, dim: number | null, comes: number | null | undefined): string {
    const name = `${axis}:${dim ?? "-"}${comes === undefined ? "" : ` from ${comes ?? "-"}`}`;
    this.marks.set(name, { [axis]: dim });
    if (comes !== undefined) this.arrivals.set(name, { at: { [axis]: comes }, mustBeSplit: false });
    return name;
  }
  /** The mark of logits that no rank may hold whole. */
  splitLoss(axis: Axis, dim: number): string {
    const name = `${axis}:${dim} of a parallel loss`;
    this.marks.set(name, { [axis]: dim });
    this.arrivals.set(name, { at: { [axis]: dim }, mustBeSplit: true });
    return name;
  }

  /** Whether a parameter or a tensor was ever split along the axis. */
  splitsOver(axis: Axis): boolean {
    return [...this.uses.values(), ...this.marks.values()].some((mark) => typeof mark[axis] === "number");
  }

  /** `paths`: those of all modules. */
  finish(paths: readonly string[]): Layout {
    const { uses, marks, arrivals, prefetch, pipeline, switches } = this;
    const units = withStars(this.shardUnits, paths, (unit) => `${unit.reshardAfterForward} ${unit.reduceDtype}`);
    return {
      ...defaultLayout,
      ...switches,
      uses,
      marks,
      arrivals,
      prefetch,
      pipeline,
      shardUnits:
        units.length === 0
          ? null
          : units.map(({ path, of }) => ({ ...of[0]!, path, states: of.flatMap(({ states }) => states) })),
      recomputed: withStars(
        [...this.recomputed].map((path) => ({ path })),
        paths,
        () => "",
      ).map(({ path }) => path),
    };
  }
}
