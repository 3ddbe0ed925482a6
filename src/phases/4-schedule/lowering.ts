// What lowering a program knows: the variants, local sizes in each, and how to make tensors and pieces of kernels.
import type { InputSource, LocalValue, Step } from "../../ir/graph.js";
import { localSize } from "../../ir/local-size.js";
import { type Degrees, degreesOf } from "../../ir/mesh.js";
import { type MeshFacts, possibleDegrees } from "../../ir/mesh-facts.js";
import type { DimSplit } from "../../ir/placement.js";
import type { Amount, LaunchOrigin } from "../../ir/scheduled.js";
import type { DType } from "../../ir/tensor-type.js";
import { constantAmount } from "./amounts.js";
import type { Tensor } from "./work.js";

/** Degrees that a program without batches is scheduled for where one is open. */
const openDegrees = [1, 2, 4, 8];

export const variantsOf = (facts: MeshFacts): readonly Degrees[] => {
  const isOpen = facts.axes.some((axis) => facts.mesh.degrees[axis] === "auto");
  return isOpen && facts.dataMultiple === 0
    ? openDegrees.map((degree) => degreesOf(facts.mesh, degree))
    : possibleDegrees(facts);
};

export class Lowering {
  readonly variants: readonly Degrees[];
  readonly numVariants: number;
  readonly zero: Amount;
  readonly one: Amount;
  private lastTensor = 0;
  private lastLoop = 0;
  constructor(readonly facts: MeshFacts) {
    this.variants = variantsOf(facts);
    this.numVariants = this.variants.length;
    this.zero = constantAmount(0, this.numVariants);
    this.one = constantAmount(1, this.numVariants);
  }

  amount(value: number): Amount {
    return value === 0 ? this.zero : value === 1 ? this.one : constantAmount(value, this.numVariants);
  }

  localSize(size: number, split: DimSplit): Amount {
    if (split.axes.length === 0) return this.amount(size);
    return this.variants.map((degrees) => localSize(size, split, degrees));
  }

  localShape({ type, placement }: Pick<LocalValue, "type" | "placement">): readonly Amount[] {
    return type.shape.map((size, dim) => this.localSize(size, placement.dims[dim]!));
  }

  tensor(name: string, dtype: DType, shape: readonly Amount[], source: InputSource | null = null): Tensor {
    this.lastTensor++;
    return { id: this.lastTensor, name, dtype, shape, source };
  }

  /** Which microbatch a step works on, of how many. */
  timeOf({ microbatch }: Step<"local">): { readonly index: number; readonly count: number } | undefined {
    return microbatch === undefined ? undefined : { index: microbatch, count: this.variants[0]!.microbatch };
  }

  nextLoop(): number {
    this.lastLoop++;
    return this.lastLoop;
  }
}

/** `what`: the op's or the move's name. */
export const originOf = (what: string, { scope, phase, origin }: Step<"local">): LaunchOrigin => ({
  op: what,
  scope,
  phase,
  origin,
});
