// Arithmetic on amounts: numbers that each variant of the program has its own of.
import type { Amount } from "../../ir/scheduled.js";

export const constantAmount = (value: number, numVariants: number): Amount =>
  new Array<number>(numVariants).fill(value);

const zip =
  (by: (a: number, b: number) => number) =>
  (a: Amount, b: Amount): Amount =>
    a.length === 1 ? [by(a[0]!, b[0]!)] : a.map((each, variant) => by(each, b[variant]!));

export const plus = zip((a, b) => a + b);
export const times = zip((a, b) => a * b);
/** Whole quotients, rounded down. */
export const quotient = zip((a, b) => Math.floor(a / b));
export const remainder = zip((a, b) => a % b);
export const larger = zip(Math.max);

export const sameAmount = (a: Amount, b: Amount): boolean => {
  if (a === b) return true;
  for (let variant = 0; variant < a.length; variant++) if (a[variant] !== b[variant]) return false;
  return true;
};
/** Holds in every variant. */
export const is = (a: Amount, value: number): boolean => {
  for (const each of a) if (each !== value) return false;
  return true;
};
export const isUniform = (a: Amount): boolean => is(a, a[0]!);
/** In every variant `b` divides `a`. */
export const divides = (a: Amount, b: Amount): boolean => a.every((each, variant) => each % b[variant]! === 0);

export const product = (amounts: readonly Amount[], numVariants: number): Amount =>
  amounts.length === 0 ? constantAmount(1, numVariants) : amounts.reduce(times);

/** The largest of the variants, for decisions by cost. */
export const most = (a: Amount): number => (a.length === 1 ? a[0]! : Math.max(...a));

export const sameAmounts = (a: readonly Amount[], b: readonly Amount[]): boolean =>
  a.length === b.length && a.every((each, i) => sameAmount(each, b[i]!));

/** Row-major strides of a shape. */
export function rowMajorAmounts(shape: readonly Amount[], numVariants: number): readonly Amount[] {
  const strides: Amount[] = new Array<Amount>(shape.length);
  let stride = constantAmount(1, numVariants);
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    strides[dim] = stride;
    stride = times(stride, shape[dim]!);
  }
  return strides;
}
