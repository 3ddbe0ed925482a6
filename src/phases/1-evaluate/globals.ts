// The names that exist everywhere: JavaScript's own values that give the same result on every run.
import type { Evaluation } from "./evaluation.js";
import { Scope } from "./scope.js";

const values: { readonly [name: string]: unknown } = {
  undefined,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  Array,
  Boolean,
  Error,
  JSON,
  Map,
  Number,
  Object,
  RangeError,
  ReferenceError,
  Set,
  String,
  Symbol,
  SyntaxError,
  TypeError,
  WeakMap,
  WeakSet,
  isFinite,
  isNaN,
  parseFloat,
  parseInt,
  structuredClone,
};

const refused: { readonly [name: string]: string } = {
  Date: "programs must not depend on when they are built",
  Promise: "programs of dreamc run step by step",
  Proxy: "write the object out",
  Reflect: "access properties directly",
  globalThis: "name the value directly",
  setTimeout: "programs of dreamc run step by step",
  process: "read values from the config",
  require: "use import",
  eval: "write the code out",
  Function: "write a function",
  BigInt: "use a number",
  Float64Array: "use an array",
  Float32Array: "use an array",
  Int32Array: "use an array",
  Uint8Array: "use an array",
  RegExp: "use string methods",
};

export function globalScope(ev: Evaluation, print: (...parts: unknown[]) => void): Scope {
  const context = { thisValue: undefined, isThisReady: true, home: null, newTarget: undefined, construct: null };
  const refusals = new Map(
    Object.entries(refused).map(([name, help]) => [
      name,
      () => {
        throw ev.fail("not-supported", name, help);
      },
    ]),
  );
  const scope = new Scope(null, context, refusals);
  // `random` differs from run to run; the functions of a copy are the same objects as Math's own.
  const math = Object.defineProperties({}, Object.getOwnPropertyDescriptors(Math)) as Record<string, unknown>;
  math.random = () => {
    throw ev.fail("not-supported", "Math.random", "use rand or randn: they depend on the program's --seed");
  };
  const console = { log: print, info: print, warn: print, error: print };
  for (const [name, value] of Object.entries({ ...values, Math: math, console })) {
    const variable = ev.journal.variable(name, true);
    variable.value = value;
    scope.declare(variable);
  }
  return scope;
}
