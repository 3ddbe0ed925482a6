// All of one tensor, one element behind the other: what collectives and transfers take.
import type { Step } from "../../ir/graph.js";
import { type Lowering, originOf } from "./lowering.js";
import { copyOf } from "./make-piece.js";
import { isWhole } from "./views.js";
import type { KernelPiece, Tensor, View } from "./work.js";

/** All of one tensor: a collective's source. */
export function contiguous(
  step: Step<"local">,
  what: string,
  view: View,
  lowering: Lowering,
): { jobs: readonly KernelPiece[]; tensor: Tensor } {
  if (isWhole(view)) return { jobs: [], tensor: view.tensor };
  const copy = copyOf(view, originOf(what, step), lowering);
  return { jobs: [copy.piece], tensor: copy.view.tensor };
}
