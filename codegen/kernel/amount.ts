// Arithmetic on amounts: numbers that may differ from variant to variant of a program.
import type { Amount } from "../../src/ir/scheduled.js";

export const sameAmount = (a: Amount, b: Amount): boolean =>
  a.length === b.length && a.every((value, variant) => value === b[variant]);

/** Whether the amount is this number in every variant. */
export const isAlways = (amount: Amount, value: number): boolean => amount.every((each) => each === value);

/** The number that it is in every variant, or null. */
export const constantOf = (amount: Amount): number | null => (isAlways(amount, amount[0]!) ? amount[0]! : null);

export const combine = (a: Amount, b: Amount, by: (a: number, b: number) => number): Amount => {
  if (a.length !== b.length) throw new Error(`amounts of ${a.length} and ${b.length} variants`);
  return a.map((value, variant) => by(value, b[variant]!));
};
export const plus = (a: Amount, b: Amount): Amount => combine(a, b, (x, y) => x + y);
export const times = (a: Amount, b: Amount): Amount => combine(a, b, (x, y) => x * y);
export const scaled = (a: Amount, by: number): Amount => a.map((value) => value * by);
export const dividedUp = (a: Amount, by: number): Amount => a.map((value) => Math.ceil(value / by));
export const fixedAmount = (value: number, like: Amount): Amount => like.map(() => value);
export const product = (amounts: readonly Amount[], one: Amount): Amount => amounts.reduce(times, one);
export const largest = (amount: Amount): number => Math.max(...amount);
