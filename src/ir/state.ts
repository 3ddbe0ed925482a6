// What a program keeps between runs of its graphs: parameters, buffers, gradients and optimizer state.
import type { Origin } from "./origin.js";
import type { Placement } from "./placement.js";
import type { TensorType } from "./tensor-type.js";

export type StateKind = "parameter" | "buffer" | "gradient" | "optimizer";

/** One logical tensor. Tied parameters are one `State` with several paths. Identity is the object. */
export interface State {
  readonly kind: StateKind;
  /** The module path, e.g. `model.blocks.0.attn.qProj.weight`; optimizer state: `optimizer.expAvg.<parameter>`. Unique. */
  readonly name: string;
  /** Every path under which a module holds it, `name` first. */
  readonly paths: readonly string[];
  readonly type: TensorType;
  /** The parameter that a gradient or moment belongs to; it is placed as that one rests. */
  readonly of: State | null;
  readonly trainable: boolean;
  readonly origin: Origin | null;
}

/** How a state lies between steps, and how it is used: their mismatch is FSDP's gather. */
export interface StatePlacement {
  readonly rest: Placement;
  readonly use: Placement;
}
