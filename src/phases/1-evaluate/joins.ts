// What several paths leave behind becomes one: a value that differs is a host variable, assigned at the end of each path.
import type { HostVariable } from "../../ir/host.js";
import type { Origin } from "../../ir/origin.js";
import type { Hole } from "./host-builder.js";
import { ContentsSlot, type Frame, type Journal, type Slot } from "./journal.js";
import { expressionOf, isScalar, RunTime, type Scalar, sameExpression, typeOfScalar } from "./run-time.js";

/** A value that differs between paths in a way that no variable can hold. Reading it is refused. */
export class Conflict {
  constructor(readonly name: string) {}
}

export interface JoinHooks {
  /** A tensor variable that can hold any of these; null if they are no tensors of one type. */
  tensorVariable(name: string, values: readonly unknown[]): unknown;
  assignTensor(head: unknown, value: unknown, hole: Hole): void;
  refuseCollection(changedAt: Origin | null): never;
}

export class Joins {
  constructor(
    private readonly journal: Journal,
    private readonly hooks: JoinHooks,
  ) {}

  mergeChanges(
    all: readonly Frame[],
    holes: readonly Hole[],
    before: (slot: Slot) => unknown,
  ): ReadonlyMap<Slot, unknown> {
    const slots = new Set(all.flatMap((changes) => [...changes.keys()].filter((slot) => !slot.isCell)));
    return new Map(
      [...slots].map((slot) => {
        const values = all.map((changes) => (changes.has(slot) ? changes.get(slot) : before(slot)));
        return [slot, this.mergeSlot(slot, values, holes)];
      }),
    );
  }

  mergeSlot(slot: Slot, values: readonly unknown[], holes: readonly Hole[] | null): unknown {
    if (slot instanceof ContentsSlot && !values.every((value) => isSame(values[0], value)))
      return this.hooks.refuseCollection(slot.changedAt);
    return this.merge(slot.name, values, holes);
  }

  /** One value for the values of several paths. Without holes: the variable alone, assigned by the caller. */
  merge(name: string, values: readonly unknown[], holes: readonly Hole[] | null): unknown {
    const [first] = values;
    if (values.every((value) => isSame(first, value))) return first;
    if (sameScalarType(values)) {
      const type = typeOfScalar(values[0]!);
      const variable: HostVariable = { name, type, kept: false, initial: null };
      const merged = new RunTime({ kind: "read", variable }, type);
      holes?.forEach((hole, i) => {
        this.assign(merged, values[i], hole);
      });
      return merged;
    }
    const tensor = this.hooks.tensorVariable(name, values);
    if (tensor !== null) {
      holes?.forEach((hole, i) => {
        this.assign(tensor, values[i], hole);
      });
      return tensor;
    }
    if (holes && values.every(isPlain)) {
      const keys = new Set(values.flatMap((value) => Object.keys(value as object)));
      const result: Record<string, unknown> = {};
      for (const key of keys) {
        const parts = values.map((value) => (value as Record<string, unknown>)[key]);
        result[key] = values.every((value) => Object.hasOwn(value as object, key))
          ? this.merge(key, parts, holes)
          : new Conflict(key);
      }
      return this.journal.born(result);
    }
    return new Conflict(name);
  }

  /** `head`, a variable's value, becomes `value` on this path. */
  assign(head: unknown, value: unknown, hole: Hole): void {
    if (head instanceof RunTime && head.expression.kind === "read" && isScalar(value))
      hole.assignments.push({ variable: head.expression.variable, value: expressionOf(value) });
    else if (!(head instanceof Conflict)) this.hooks.assignTensor(head, value, hole);
  }
}

export const sameScalarType = (values: readonly unknown[]): values is readonly Scalar[] =>
  values.every(isScalar) && new Set(values.map(typeOfScalar)).size === 1;

const isPlain = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

export const isSame = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true;
  if (a instanceof RunTime && b instanceof RunTime)
    return a.type === b.type && sameExpression(a.expression, b.expression);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => Object.is(item, b[i]));
  return a instanceof Conflict && b instanceof Conflict;
};
