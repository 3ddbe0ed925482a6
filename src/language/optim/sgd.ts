// Stochastic gradient descent with momentum (Sutskever et al. 2013), and Lion (Chen et al. 2023).
import { isOff } from "../services.js";
import type { Parameter, Tensor } from "../tensor.js";
import { type GroupOptions, Optimizer, type ParamGroup } from "./optimizer.js";

/** Settings of SGD by PyTorch's names; all but the rate are off unless told. */
export interface SGDOptions {
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
}
/** v = momentum v + g; p -= lr v (with `nesterov`: p -= lr (g + momentum v)). */
export class SGD extends Optimizer<SGDOptions> {
  constructor(
    params: readonly Parameter[] | readonly GroupOptions<SGDOptions>[],
    { lr = 1e-3, momentum = 0, weightDecay = 0, nesterov = false }: Partial<SGDOptions> = {},
  ) {
    super(params, { lr, momentum, weightDecay, nesterov });
  }
  protected override update(parameter: Parameter, gradient: Tensor, group: ParamGroup<SGDOptions>): void {
    const { lr, momentum, weightDecay, nesterov } = group;
    let step = isOff(weightDecay) ? gradient : gradient.add(parameter, { alpha: weightDecay });
    if (!isOff(momentum)) {
      const velocity = this.state("momentumBuffer", parameter);
      velocity.copy_(velocity.mul(momentum).add(step));
      step = nesterov ? step.add(velocity, { alpha: momentum }) : velocity;
    }
    parameter.sub_(step, { alpha: lr });
  }
}

/** Settings of Lion by its paper's names. */
export interface LionOptions {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly weightDecay: number;
}
/** p -= lr (sign(β1 m + (1 - β1) g) + weightDecay p); m = β2 m + (1 - β2) g. */
export class Lion extends Optimizer<LionOptions> {
  constructor(
    params: readonly Parameter[] | readonly GroupOptions<LionOptions>[],
    { lr = 1e-4, betas = [0.9, 0.99], weightDecay = 0 }: Partial<LionOptions> = {},
  ) {
    super(params, { lr, betas, weightDecay });
  }
  protected override update(
    parameter: Parameter,
    gradient: Tensor,
    { lr, betas, weightDecay }: ParamGroup<LionOptions>,
  ): void {
    const expAvg = this.state("expAvg", parameter);
    const direction = expAvg.lerp(gradient, 1 - betas[0]).sign();
    const kept = isOff(weightDecay) ? parameter : parameter.mul(1 - lr * weightDecay);
    parameter.copy_(kept.sub(direction, { alpha: lr }));
    expAvg.lerp_(gradient, 1 - betas[1]);
  }
}
