// Metrics of predictions.
import type { Tensor } from "../tensor.js";

/** Share of rows of `logits [N, C]` whose largest element is at `targets [N]`. */
export const accuracy = (logits: Tensor, targets: Tensor): Tensor =>
  logits.argmax({ dim: -1 }).eq(targets).to("f32").mean();

/** `exp(loss)`. */
export const perplexity = (loss: Tensor): Tensor => loss.exp();
