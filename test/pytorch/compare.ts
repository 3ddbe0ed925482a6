// How far a run of ours is from PyTorch's.
import { expect } from "vitest";
import type { NdArray } from "../../src/ir/nd.js";
import type { Reference } from "./reference.js";

/** What a run of a parity trainer gave. */
export interface ParityRun {
  /** Of the first batch. */
  readonly logits: NdArray;
  /** Of the first step, before clipping, by parameter. */
  readonly gradients: ReadonlyMap<string, NdArray>;
  readonly losses: readonly number[];
  readonly gradNorms: readonly number[];
}

export interface Tolerances {
  /** Norm of the difference over norm: of the logits, of all gradients together, of each by name. */
  readonly logits: number;
  readonly together: number;
  readonly gradient: (name: string) => number;
  /** Absolute, for each step. */
  readonly loss: number;
  /** Relative, for each step. */
  readonly gradNorm: number;
}

const norm = (values: ArrayLike<number>): number => Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0));

/** Norm of the difference over the norm of `b`, or over `least` where that is more. NaN where shapes differ. */
export function relativeDistance(a: NdArray, b: NdArray, least = 0): number {
  if (String(a.shape) !== String(b.shape)) return Number.NaN;
  return norm(a.data.map((x, i) => x - b.data[i]!)) / Math.max(norm(b.data), least);
}

/** The farthest of each kind, for reports. */
export interface Deviations {
  readonly logits: number;
  readonly together: number;
  readonly gradient: { readonly name: string; readonly distance: number };
  readonly loss: number;
  readonly gradNorm: number;
}

/** Expects everything to be within tolerance, and gives what was found. NaN is never within. */
export function expectParity(run: ParityRun, reference: Reference, tolerances: Tolerances): Deviations {
  const { expected } = reference;
  const faults: string[] = [];
  const check = (what: string, error: number, tolerance: number): number => {
    if (!(error <= tolerance)) faults.push(`${what}: off by ${error}, at most ${tolerance} is right`);
    return error;
  };
  const logits = check("logits", relativeDistance(run.logits, reference.logits), tolerances.logits);

  expect([...run.gradients.keys()].sort(), "parameters with a gradient").toEqual(
    [...reference.gradients.keys()].sort(),
  );
  // The gradient of a key's bias is zero in exact arithmetic, as softmax does not see what is added to all scores of a
  // row; what both sides have there is rounding. So differences are related to a thousandth of all gradients at least.
  const least = norm([...reference.gradients.values()].map(({ data }) => norm(data))) / 1000;
  const names = [...reference.gradients.keys()];
  const [ours, theirs] = [run.gradients, reference.gradients].map((gradients): NdArray => {
    const data = Float64Array.from(names.flatMap((name) => [...gradients.get(name)!.data]));
    return { shape: [data.length], data };
  });
  const together = check("all gradients", relativeDistance(ours!, theirs!), tolerances.together);
  let gradient = { name: "", distance: 0 };
  for (const [name, right] of reference.gradients) {
    const distance = relativeDistance(run.gradients.get(name)!, right, least);
    check(`gradient of ${name}`, distance, tolerances.gradient(name));
    if (!(distance <= gradient.distance)) gradient = { name, distance };
  }

  expect(run.losses.length, "steps").toBe(expected.losses.length);
  const losses = run.losses.map((loss, i) => check(`loss ${i}`, Math.abs(loss - expected.losses[i]!), tolerances.loss));
  expect(run.gradNorms.length, "steps").toBe(expected.gradNorms.length);
  const norms = run.gradNorms.map((value, i) =>
    check(`gradient norm ${i}`, Math.abs(value / expected.gradNorms[i]! - 1), tolerances.gradNorm),
  );
  expect(faults).toEqual([]);
  return { logits, together, gradient, loss: Math.max(...losses), gradNorm: Math.max(...norms) };
}

export const showDeviations = ({ logits, together, gradient, loss, gradNorm }: Deviations): string =>
  `logits ${logits.toExponential(1)}, gradients ${together.toExponential(1)}, at most ${gradient.distance.toExponential(1)} (${gradient.name}), ` +
  `losses ${loss.toExponential(1)}, gradient norms ${gradNorm.toExponential(1)}`;

/** What the project promises of float32; both sides are about 1e-6 from exact arithmetic themselves. */
export const float32Tolerances: Tolerances = {
  logits: 1e-5,
  together: 1e-5,
  gradient: () => 1e-4,
  loss: 1e-4,
  gradNorm: 1e-4,
};

/**
 * Of a run in bfloat16 from float32: both sides round the operands of products to eight bits, at other places and in
 * another order, so their errors are of one size, and independent. Over tens of thousands of numbers that size shows
 * (logits, 24 seeds: from 0.9 to 1.15 times autocast's): half more would be another rounding somewhere, such as of a sum or of a
 * weight. A bias has 32 gradients (seen: up to 1.9 times), and a step's loss and norm are single draws (1.9 and 2.6).
 */
export function bf16Tolerances({ expected }: Reference): Tolerances {
  const { distanceFromFloat32, losses, gradNorms } = expected.bf16;
  const farthest = (errors: readonly number[]): number => Math.max(...errors);
  return {
    logits: 1.5 * distanceFromFloat32.logits,
    together: 1.5 * distanceFromFloat32.together,
    gradient: (name) => 3 * distanceFromFloat32.gradients[name]!,
    loss: 4 * farthest(losses.map((loss, i) => Math.abs(loss - expected.losses[i]!))),
    gradNorm: 5 * farthest(gradNorms.map((value, i) => Math.abs(value / expected.gradNorms[i]! - 1))),
  };
}
