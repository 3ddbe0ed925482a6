// Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019).
import { isOff } from "../services.js";
import type { Parameter, Tensor } from "../tensor.js";
import { type GroupOptions, Optimizer, type ParamGroup } from "./optimizer.js";

/**
 * Settings of Adam and AdamW by PyTorch's names: rate, decay of the two moments, what is added to the root, decay of
 * weights.
 */
export interface AdamOptions {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
}
type Params = readonly Parameter[] | readonly GroupOptions<AdamOptions>[];

interface AdamSettings {
  readonly betas: readonly [number, number];
  readonly eps: number;
  /** `lr / (1 - β1^t)` */
  readonly stepSize: number;
  /** `1 / sqrt(1 - β2^t)` */
  readonly correction: number;
  /** What the gradient gets of the weights; null for none. */
  readonly weightDecay: number | null;
  /** What the weights shrink by; null where they do not. */
  readonly decay: number | null;
}

/** m = β1 m + (1 - β1) g, v = β2 v + (1 - β2) g²; p -= lr m̂ / (sqrt(v̂) + eps), with m and v corrected for their start. */
abstract class AdamBase extends Optimizer<AdamOptions, AdamSettings> {
  constructor(
    params: Params,
    defaults: number,
    { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = defaults }: Partial<AdamOptions> = {},
  ) {
    super(params, { lr, betas, eps, weightDecay });
  }
  /** Whether decay is of the weights themselves, not of the gradient. */
  protected abstract readonly isDecoupled: boolean;
  protected override settingsOf(group: ParamGroup<AdamOptions>): AdamSettings {
    const { lr, betas, eps } = group;
    const stepSize = lr / (1 - betas[0] ** this.stepCount);
    const correction = 1 / Math.sqrt(1 - betas[1] ** this.stepCount);
    const decay = 1 - lr * group.weightDecay;
    const settings = { betas, eps, stepSize, correction, weightDecay: null, decay: null };
    if (isOff(group.weightDecay)) return settings;
    return this.isDecoupled ? { ...settings, decay } : { ...settings, weightDecay: group.weightDecay };
  }
  protected override update(parameter: Parameter, given: Tensor, settings: AdamSettings): void {
    const { betas, eps, stepSize, correction, weightDecay, decay } = settings;
    const [beta1, beta2] = betas;
    const gradient = weightDecay === null ? given : given.add(parameter, { alpha: weightDecay });
    const expAvg = this.state("expAvg", parameter);
    const expAvgSq = this.state("expAvgSq", parameter);
    expAvg.lerp_(gradient, 1 - beta1);
    expAvgSq.mul_(beta2).addcmul_(gradient, gradient, { value: 1 - beta2 });
    const denominator = expAvgSq.sqrt().mul(correction).add(eps);
    const kept = decay === null ? parameter : parameter.mul(decay);
    parameter.copy_(kept.sub(expAvg.mul(stepSize).div(denominator)));
  }
}

/** Adam; `weightDecay` adds to the gradient. */
export class Adam extends AdamBase {
  protected override readonly isDecoupled = false;
  constructor(params: Params, options: Partial<AdamOptions> = {}) {
    super(params, 0, options);
  }
}

/** Adam with decay of the weights themselves: p shrinks by `1 - lr weightDecay` (0.01 unless told). */
export class AdamW extends AdamBase {
  protected override readonly isDecoupled = true;
  constructor(params: Params, options: Partial<AdamOptions> = {}) {
    super(params, 0.01, options);
  }
}
