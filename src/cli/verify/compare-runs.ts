// What two runs of one training gave, side by side: first weights, metrics of every step, gradients.
import type { NdArray } from "../../ir/nd.js";
import type { SideRun } from "./side.js";

/** What may lie between two runs that compute the same. */
export interface Tolerances {
  /** Of a metric: relative where it is above 1. */
  readonly metric: number;
  /** Of a gradient: the norm of the difference over the norm. */
  readonly gradient: number;
}

/**
 * Sums over ranks are added in another order, each addition off by up to 6e-8 of its result; what is seen is a hundredth
 * of these bounds, and a lost or doubled term is far beyond them.
 */
export const float32Tolerances: Tolerances = { metric: 1e-5, gradient: 1e-4 };
/** Operands of products have eight bits, and are rounded at other places. */
export const bf16Tolerances: Tolerances = { metric: 3e-2, gradient: 1e-1 };

/** A gradient that is zero in exact arithmetic, such as a key's bias, holds rounding alone: it counts by all the others. */
const leastShare = 1e-3;

export interface MetricComparison {
  readonly event: string;
  readonly step: number;
  readonly name: string;
  readonly here: number;
  readonly alone: number;
  readonly error: number;
  readonly isEqual: boolean;
}
export interface GradientComparison {
  /** The parameter. */
  readonly name: string;
  readonly step: number;
  /** NaN where it is missing on one side, has another shape, or is not a number. */
  readonly error: number;
  readonly isEqual: boolean;
}
export interface Comparison {
  readonly metrics: readonly MetricComparison[];
  readonly gradients: readonly GradientComparison[];
  /** Weights that are not the same to the last bit before the first step. */
  readonly differentFirstWeights: readonly string[];
  /** Steps that both took, and each of them. */
  readonly steps: { readonly here: number; readonly alone: number };
  readonly isEqual: boolean;
}

export function compareRuns(here: SideRun, alone: SideRun, tolerances: Tolerances): Comparison {
  const metrics = alone.events.flatMap(({ event, step, metrics: numbers }) => {
    const same = here.events.find((other) => other.event === event && other.step === step);
    return Object.entries(numbers).map(([name, number]): MetricComparison => {
      const found = same?.metrics[name] ?? Number.NaN;
      const error = found === number ? 0 : Math.abs(found - number) / Math.max(1, Math.abs(number));
      return { event, step, name, here: found, alone: number, error, isEqual: error <= tolerances.metric };
    });
  });
  const gradients = compareGradients(here.gradients, alone.gradients, tolerances.gradient);
  const differentFirstWeights = [...new Set([...here.firstWeights.keys(), ...alone.firstWeights.keys()])].filter(
    (name) => !isIdentical(here.firstWeights.get(name), alone.firstWeights.get(name)),
  );
  const steps = { here: numSteps(here), alone: numSteps(alone) };
  const isEqual =
    steps.here === steps.alone &&
    steps.alone > 0 &&
    differentFirstWeights.length === 0 &&
    [...metrics, ...gradients].every((each) => each.isEqual);
  return { metrics, gradients, differentFirstWeights, steps, isEqual };
}

const numSteps = ({ events }: SideRun): number => events.filter(({ event }) => event === "train").length;

function compareGradients(
  here: SideRun["gradients"],
  alone: SideRun["gradients"],
  tolerance: number,
): readonly GradientComparison[] {
  const squares = new Map<number, number>();
  for (const [label, { data }] of alone) {
    const { step } = parseLabel(label);
    squares.set(step, (squares.get(step) ?? 0) + norm(data) ** 2);
  }
  return [...new Set([...alone.keys(), ...here.keys()])]
    .map((label): GradientComparison => {
      const { name, step } = parseLabel(label);
      const least = leastShare * Math.sqrt(squares.get(step) ?? 0);
      const error = relativeDistance(here.get(label), alone.get(label), least);
      return { name, step, error, isEqual: error <= tolerance };
    })
    .toSorted((a, b) => a.step - b.step);
}

/** `weight@2` is of the second step. */
export function parseLabel(label: string): { readonly name: string; readonly step: number } {
  const [, name = label, step = "1"] = /^(.*?)(?:@(\d+))?$/.exec(label) ?? [];
  return { name, step: Number(step) };
}

export const norm = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
};

/** Norm of the difference over the norm of `b`, or over `least` where that is more; NaN where they cannot be compared. */
export function relativeDistance(a: NdArray | undefined, b: NdArray | undefined, least: number): number {
  if (!a || !b || String(a.shape) !== String(b.shape)) return Number.NaN;
  const apart = norm(a.data.map((x, i) => x - b.data[i]!));
  return apart === 0 ? 0 : apart / Math.max(norm(b.data), least);
}

const isIdentical = (a: NdArray | undefined, b: NdArray | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  String(a.shape) === String(b.shape) &&
  a.data.every((x, i) => Object.is(x, b.data[i]!));
