// Builtins of JavaScript and zod run as they are. What they would misread is put right first: a run-time value where they
// compare or test is replaced by its default (which pins it), and callbacks that answer yes or no give plain booleans.
import type { Evaluation } from "../evaluation.js";
import { expressionOf, isScalar, mathFunctions, mathRunTime, pin, RunTime, type Scalar, truth } from "../run-time.js";
import { apply } from "./calls.js";
import { iterate } from "./iteration.js";
import { decide } from "./operators.js";

type AnyFunction = (...args: unknown[]) => unknown;

const methodsOf = (...holders: readonly object[]): ReadonlySet<unknown> =>
  new Set(
    holders.flatMap((holder) =>
      Reflect.ownKeys(holder).map((key) => Object.getOwnPropertyDescriptor(holder, key)?.value as unknown),
    ),
  );
const named = (holder: object, names: readonly string[]): readonly unknown[] =>
  names.map((name) => (holder as Record<string, unknown>)[name]);

/** Every builtin that a program can name. */
const builtins = new Set<unknown>([
  ...methodsOf(
    ...[Array, Boolean, Error, Map, Number, Object, Set, String, Symbol, WeakMap, WeakSet],
    ...[Array.prototype, Boolean.prototype, Map.prototype, Number.prototype, Object.prototype, Set.prototype],
    ...[String.prototype, WeakMap.prototype, WeakSet.prototype, Function.prototype, JSON, Math],
  ),
  ...[Array, Boolean, Error, Map, Number, Object, RangeError, ReferenceError, Set, String, Symbol, SyntaxError],
  ...[TypeError, WeakMap, WeakSet, isFinite, isNaN, parseFloat, parseInt, structuredClone],
]);

/** They move values without looking at them; sizes and places are converted by JavaScript, which pins them. */
const movers = new Set<unknown>([
  ...named(Array.prototype, ["at", "concat", "entries", "fill", "flat", "flatMap", "forEach", "keys", "map", "pop"]),
  ...named(Array.prototype, ["push", "reduce", "reduceRight", "reverse", "shift", "slice", "splice", "toReversed"]),
  ...named(Array.prototype, ["toSpliced", "unshift", "values", "with"]),
  ...named(Array, ["from", "of", "isArray"]),
  ...named(Object, ["assign", "create", "defineProperties", "defineProperty", "entries", "freeze", "fromEntries"]),
  ...named(Object, ["getOwnPropertyNames", "getPrototypeOf", "hasOwn", "isFrozen", "keys", "seal", "values"]),
  ...[Map.prototype.forEach, Set.prototype.forEach, WeakMap.prototype.set],
]);

const predicateTakers = new Set<unknown>([
  ...named(Array.prototype, ["every", "filter", "find", "findIndex", "findLast", "findLastIndex", "some"]),
]);
const loops = new Set<unknown>([
  ...named(Array.prototype, ["forEach", "map", "flatMap", "reduce", "reduceRight"]),
  Array.from,
]);
const keyed = new Set<unknown>([
  ...[Map.prototype.get, Map.prototype.set, Map.prototype.has, Map.prototype.delete],
  ...[Set.prototype.add, Set.prototype.has, Set.prototype.delete],
]);
const comparers = new Set<unknown>([...named(Array.prototype, ["includes", "indexOf", "lastIndexOf"])]);

const isFunction = (value: unknown): value is AnyFunction => typeof value === "function";
const plain = (value: unknown): unknown => (value instanceof RunTime ? pin(value) : value);

/** A copy with every run-time value inside replaced by its default; the same object where there is none. */
export function pinAll(value: unknown): unknown {
  if (value instanceof RunTime) return pin(value);
  if (typeof value !== "object" || value === null) return value;
  const isList = Array.isArray(value);
  if (!isList && Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, pinAll(item)] as const);
  if (entries.every(([key, item]) => Object.is(item, (value as Record<string, unknown>)[key]))) return value;
  return isList ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

/** Calls what is not evaluated code: a builtin, one of zod's functions, or a meaning that the compiler gives. */
export function callBuiltin(fn: AnyFunction, receiver: unknown, args: readonly unknown[], ev: Evaluation): unknown {
  if (!builtins.has(fn)) {
    const isZod =
      typeof receiver === "object" && receiver !== null && !ev.intrinsics.isTensor(receiver) && "_zod" in receiver;
    return Reflect.apply(fn, receiver, isZod ? args.map(pinAll) : args) as unknown;
  }
  if (isFunction(receiver)) {
    if (fn === Function.prototype.call) return apply(receiver, args[0], args.slice(1), ev);
    if (fn === Function.prototype.apply) return apply(receiver, args[0], [...((args[1] ?? []) as unknown[])], ev);
  }
  if (args.some((arg) => arg instanceof RunTime)) {
    const given = onRunTime(fn, args);
    if (given !== null) return given;
  }
  const [list, given] = [prepareReceiver(fn, receiver), prepare(fn, args, ev)];
  const at = fn === Array.from ? 1 : 0;
  const callback = given[at];
  if (!loops.has(fn) || !isFunction(callback)) return Reflect.apply(fn, list, given) as unknown;
  // A loop over modules may be written as a call: `blocks.reduce((x, block) => block.forward(x), x)`.
  const watch = ev.intrinsics.unrolls();
  const watched = function (this: unknown, ...items: unknown[]): unknown {
    watch.round();
    return Reflect.apply(callback, this, items);
  };
  const result = Reflect.apply(fn, list, given.with(at, watched)) as unknown;
  watch.end();
  return result;
}

/** Where a comparison by identity would miss a run-time value in a list, the list is compared by its defaults. */
const prepareReceiver = (fn: AnyFunction, receiver: unknown): unknown =>
  comparers.has(fn) && Array.isArray(receiver) ? receiver.map(plain) : receiver;

function prepare(fn: AnyFunction, args: readonly unknown[], ev: Evaluation): readonly unknown[] {
  const called = args.map((arg) => (isFunction(arg) && builtins.has(arg) ? asEvaluated(arg, ev) : arg));
  if (predicateTakers.has(fn)) {
    const [test, ...rest] = called;
    return isFunction(test) ? [asPredicate(test, ev), ...rest] : called;
  }
  if (keyed.has(fn)) return [plain(called[0]), ...called.slice(1)];
  if (fn === JSON.stringify || fn === structuredClone) return called.map(pinAll);
  if (movers.has(fn)) return called;
  return called.map(plain);
}

/** A builtin as a callback, called as evaluated code would call it. */
const asEvaluated = (fn: AnyFunction, ev: Evaluation): AnyFunction =>
  function (this: unknown, ...args: unknown[]) {
    return apply(fn, this, args, ev);
  };

const asPredicate = (fn: AnyFunction, ev: Evaluation): AnyFunction =>
  function (this: unknown, ...args: unknown[]) {
    const answer = decide(Reflect.apply(fn, this, args), ev);
    return answer instanceof RunTime ? pin(answer) : answer;
  };

/** Builtins that have a meaning on run-time values; null for others, which pin what they can. */
function onRunTime(fn: unknown, args: readonly unknown[]): unknown {
  const math = mathFunctions.get(fn);
  if (math && args.every(isScalar)) return mathRunTime(math, args as Scalar[]);
  const [first] = args;
  if (!(first instanceof RunTime)) return null;
  if (fn === Boolean) return truth(first);
  if (fn === String)
    return new RunTime(
      { kind: "binary", operator: "+", left: { kind: "literal", value: "" }, right: first.expression },
      "string",
      first.known === undefined ? undefined : String(first.known),
    );
  if (fn === Number && first.type === "number") return first;
  if (first.type === "number" && (fn === Number.isFinite || fn === Number.isNaN || fn === isFinite || fn === isNaN)) {
    const query = fn === Number.isFinite || fn === isFinite ? "isFinite" : "isNaN";
    const known = first.known as number | undefined;
    return new RunTime(
      { kind: "query", query, args: [expressionOf(first)] },
      "boolean",
      known === undefined ? undefined : query === "isFinite" ? Number.isFinite(known) : Number.isNaN(known),
    );
  }
  return null;
}

/** Arguments of a builtin's constructor: sizes and keys are plain. */
export function prepareConstruction(fn: unknown, args: readonly unknown[], ev: Evaluation): readonly unknown[] {
  if (!builtins.has(fn)) return args;
  if (fn === Array) return args.length === 1 ? args.map(plain) : args;
  const [first] = args;
  if (fn === Set && first !== undefined && first !== null) return [iterate(first, ev).map(plain)];
  if (fn === Map && first !== undefined && first !== null)
    return [iterate(first, ev).map((entry) => [plain((entry as unknown[])[0]), (entry as unknown[])[1]])];
  return args.map(plain);
}
