// Iteration as JavaScript does it: one item after the other, so that what changes meanwhile is seen; a loop that ends
// early tells the iterator.
import type { Evaluation } from "../evaluation.js";
import { pin, RunTime } from "../run-time.js";
import { apply } from "./calls.js";
import { checked } from "./expressions.js";
import { decide } from "./operators.js";

export interface Items {
  next(): { readonly isDone: true } | { readonly isDone: false; readonly value: unknown };
  /** The loop ends before the items do. */
  close(): void;
}

type AnyFunction = (...args: unknown[]) => unknown;

export function itemsOf(given: unknown, ev: Evaluation): Items {
  const value = given instanceof RunTime && given.known !== undefined ? pin(given) : given;
  if (value instanceof RunTime || ev.intrinsics.isTensor(value)) throw ev.fail("not-iterable");
  const method = (value as { readonly [Symbol.iterator]?: unknown } | null | undefined)?.[Symbol.iterator];
  if (typeof method !== "function") throw new TypeError(notIterable(value));
  const iterator = apply(method as AnyFunction, value, [], ev) as {
    readonly next: AnyFunction;
    readonly return?: AnyFunction;
  };
  const { next } = iterator;
  return {
    next() {
      const result = apply(next, iterator, [], ev) as { readonly done?: unknown; readonly value?: unknown };
      if (typeof result !== "object" || result === null)
        throw new TypeError(`Iterator result ${String(result)} is not an object`);
      const isDone = decide(result.done, ev);
      if (isDone instanceof RunTime) throw ev.fail("run-time-value");
      return isDone ? { isDone: true } : { isDone: false, value: checked(result.value, ev) };
    },
    close() {
      if (typeof iterator.return === "function") apply(iterator.return, iterator, [], ev);
    },
  };
}

const notIterable = (value: unknown): string =>
  value === undefined || value === null
    ? `${value} is not iterable (cannot read property Symbol(Symbol.iterator))`
    : `${typeof value === "object" ? "object" : String(value)} is not iterable`;

/** All items of anything that can be iterated. */
export function iterate(value: unknown, ev: Evaluation): readonly unknown[] {
  const items = itemsOf(value, ev);
  const all: unknown[] = [];
  for (let item = items.next(); !item.isDone; item = items.next()) {
    all.push(item.value);
    if (all.length > 1_000_000) throw ev.fail("endless-at-build-time", "this list");
  }
  return all;
}
