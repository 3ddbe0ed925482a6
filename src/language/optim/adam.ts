// Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019).
import { isOff } from "../services.js";
import type { Parameter, Tensor } from "../tensor.js";
import { type GroupOptions, Optimizer, type ParamGroup } from "./optimizer.js";

export interface AdamOptions {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
}
type Params = readonly Parameter[] | readonly GroupOptions<AdamOptions>[];

/** m = β1 m + (1 - β1) g, v = β2 v + (1 - β2) g²; p -= lr m̂ / (sqrt(v̂) + eps), with m and v corrected for their start. */
abstract class AdamBase extends Optimizer<AdamOptions> {
  constructor(
    params: Params,
    defaults: number,
    { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = defaults }: Partial<AdamOptions> = {},
  ) {
    super(params, { lr, betas, eps, weightDecay });
  }
  protected move(
    parameter: Parameter,
    gradient: Tensor,
    decay: number | null,
    { lr, betas: [beta1, beta2], eps }: ParamGroup<AdamOptions>,
  ): void {
    const expAvg = this.state("expAvg", parameter);
    const expAvgSq = this.state("expAvgSq", parameter);
    const stepSize = lr / (1 - beta1 ** this.stepCount);
    const correction = 1 / Math.sqrt(1 - beta2 ** this.stepCount);
    expAvg.lerp_(gradient, 1 - beta1);
    expAvgSq.mul_(beta2).addcmul_(gradient, gradient, { value: 1 - beta2 });
    const denominator = expAvgSq.sqrt().mul(correction).add(eps);
    const kept = decay === null ? parameter : parameter.mul(decay);
    parameter.copy_(kept.sub(expAvg.mul(stepSize).div(denominator)));
  }
}

/** Adam; `weightDecay` adds to the gradient. */
export class Adam extends AdamBase {
  constructor(params: Params, options: Partial<AdamOptions> = {}) {
    super(params, 0, options);
  }
  protected override update(parameter: Parameter, gradient: Tensor, group: ParamGroup<AdamOptions>): void {
    const decayed = isOff(group.weightDecay) ? gradient : gradient.add(parameter, { alpha: group.weightDecay });
    this.move(parameter, decayed, null, group);
  }
}

/** Adam with decay of the weights themselves: p shrinks by `1 - lr weightDecay` (0.01 unless told). */
export class AdamW extends AdamBase {
  constructor(params: Params, options: Partial<AdamOptions> = {}) {
    super(params, 0.01, options);
  }
  protected override update(parameter: Parameter, gradient: Tensor, group: ParamGroup<AdamOptions>): void {
    const decay = 1 - group.lr * group.weightDecay;
    this.move(parameter, gradient, isOff(group.weightDecay) ? null : decay, group);
  }
}
