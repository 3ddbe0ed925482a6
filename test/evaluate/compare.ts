// Runs a snippet by V8 and by the evaluator. A snippet is the body of a module that ends by calling `show(…)`.
import vm from "node:vm";
import { Diagnosed } from "../../src/diagnostics/diagnostic.js";
import { Evaluation } from "../../src/phases/1-evaluate/evaluation.js";
import { ts } from "../../src/phases/1-evaluate/frontend.js";
import { globalScope } from "../../src/phases/1-evaluate/globals.js";
import { Modules } from "../../src/phases/1-evaluate/modules.js";

/** What a snippet showed, or how it failed; `refused` where the evaluator says that it does not support something. */
export type Outcome =
  | { readonly shown: string }
  | { readonly thrown: string }
  | { readonly refused: string; readonly help: string };

const describe = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) => {
    if (item === undefined) return "<undefined>";
    if (typeof item === "number" && !Number.isFinite(item)) return `<${item}>`;
    if (Object.is(item, -0)) return "<-0>";
    if (typeof item === "function") return "<function>";
    if (typeof item === "symbol") return "<symbol>";
    if (Object.prototype.toString.call(item) === "[object Map]") return { map: [...(item as Map<unknown, unknown>)] };
    if (Object.prototype.toString.call(item) === "[object Set]") return { set: [...(item as Set<unknown>)] };
    return item;
  });
const messageOf = (fault: unknown): string =>
  fault !== null && typeof fault === "object" && "message" in fault
    ? `${(fault as Error).name}: ${(fault as Error).message}`
    : `thrown ${describe(fault)}`;

export function runByV8(code: string): Outcome {
  const shown: unknown[] = [];
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.None, useDefineForClassFields: true },
  });
  try {
    vm.runInNewContext(`"use strict";${outputText}`, { show: (...values: unknown[]) => shown.push(...values) });
  } catch (fault) {
    return { thrown: messageOf(fault) };
  }
  return { shown: describe(shown) };
}

export function runByEvaluator(code: string): Outcome {
  const shown: unknown[] = [];
  const entry = ts.createSourceFile("/snippet.ts", code, ts.ScriptTarget.ES2023, true);
  const ev = new Evaluation(
    { entry, checker: () => null as never, resolve: () => null, isLibrary: () => false },
    {
      find: () => undefined,
      module: () => null,
      isTensor: () => false,
      isState: () => false,
      name: () => {},
      inScope: (_, body) => body(),
      unrolls: () => ({ round: () => {}, end: () => {} }),
    },
    { beforeControl: () => {}, dropOpen: () => {}, tensorVariable: () => null, assignTensor: () => {} },
    200_000,
  );
  const globals = globalScope(ev, () => {});
  const show = ev.journal.variable("show", true);
  show.value = (...values: unknown[]) => shown.push(...values);
  globals.declare(show);
  try {
    new Modules(ev, globals).load(entry);
  } catch (fault) {
    if (fault instanceof Diagnosed) return { refused: fault.message, help: fault.diagnostics[0].help ?? "" };
    return { thrown: messageOf(fault) };
  }
  return { shown: describe(shown) };
}
