// Metrics that are gathered over a validation run. A trainer's fields that hold metrics are reset before it, updated in
// `validationStep` and logged after it, under the fields' names.
import { Buffer, noGrad, type Tensor } from "../tensor.js";

/** Buffers that are fields of a metric are its state. */
export abstract class Metric {
  abstract reset(): void;
  /** One number. */
  abstract compute(): Tensor;
}

/** Share of rows whose prediction is right. */
export class Accuracy extends Metric {
  readonly correct = new Buffer([]);
  readonly total = new Buffer([]);
  override reset(): void {
    this.correct.zero_();
    this.total.zero_();
  }
  /** `predictions` are classes `[N]` or logits `[N, C]`; `labels [N]`. */
  update(predictions: Tensor, labels: Tensor): void {
    noGrad(() => {
      const classes = predictions.ndim > labels.ndim ? predictions.argmax({ dim: -1 }) : predictions;
      this.correct.add_(classes.eq(labels).to("f32").sum());
      this.total.add_(labels.numel());
    });
  }
  override compute(): Tensor {
    return this.correct.div(this.total.maximum(1));
  }
}

/** Mean of numbers, each counted `weight` times. */
export class MeanMetric extends Metric {
  readonly sum = new Buffer([]);
  readonly weight = new Buffer([]);
  override reset(): void {
    this.sum.zero_();
    this.weight.zero_();
  }
  update(value: Tensor, weight = 1): void {
    noGrad(() => {
      this.sum.add_(value.mul(weight));
      this.weight.add_(weight);
    });
  }
  override compute(): Tensor {
    return this.sum.div(this.weight.maximum(1));
  }
}
