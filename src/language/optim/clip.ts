// Limits on gradients.
import { setGradient } from "../services.js";
import { noGrad, type Parameter, type Tensor, zeros } from "../tensor.js";

/** Euclidean norm of all gradients together. */
export function gradNorm(parameters: readonly Parameter[]): Tensor {
  return noGrad(() => {
    let total = zeros([]);
    for (const { grad } of parameters) if (grad !== null) total = total.add(grad.square().sum());
    return total.sqrt();
  });
}

/** Scales all gradients so that their norm is at most `maxNorm`; gives the norm before (Pascanu et al. 2013). */
export function clipGradNorm(parameters: readonly Parameter[], maxNorm: number): Tensor {
  return noGrad(() => {
    const norm = gradNorm(parameters);
    const scale = norm.add(1e-6).reciprocal().mul(maxNorm).minimum(1);
    for (const parameter of parameters) if (parameter.grad !== null) setGradient(parameter, parameter.grad.mul(scale));
    return norm;
  });
}

/** Limits every element of every gradient to ±`clipValue`. */
export function clipGradValue(parameters: readonly Parameter[], clipValue: number): void {
  noGrad(() => {
    for (const parameter of parameters)
      if (parameter.grad !== null) setGradient(parameter, parameter.grad.clamp({ min: -clipValue, max: clipValue }));
  });
}
