// The names in a kernel's function, and what it takes.
import type { Amount, Kernel } from "../../src/ir/scheduled.js";
import { CppNames, cppIdentifier, cppInteger } from "../cpp-text.js";
import { constantOf } from "./amount.js";
import type { KernelFacts } from "./loop-writer.js";
import { nodesBelow, type ScalarNode } from "./scalar-node.js";
import { cppElementTypes } from "./scalar-text.js";
import type { Stages } from "./stages.js";

/** What a kernel's function takes, in order. */
export type KernelParameter =
  | { readonly kind: "operand"; readonly operand: number; readonly isValue: boolean }
  | { readonly kind: "number"; readonly name: string }
  | { readonly kind: "seed" }
  /** All numbers that depend on the variant, or one of them. */
  | { readonly kind: "amounts" }
  | { readonly kind: "amount"; readonly field: string };

export interface KernelFunction {
  readonly parameters: readonly KernelParameter[];
  /** The parameters as C++ declares them. */
  readonly declarations: readonly string[];
  /** The lines of its body, not indented. */
  readonly body: readonly string[];
}

/** Names for amounts that differ from variant to variant, fields of the graph's table. */
export interface AmountNames {
  fieldOf(amount: Amount, what: string): string;
}

export interface KernelContext {
  readonly facts: KernelFacts;
  readonly names: CppNames;
  /** A function that takes everything the kernel has, and the table of amounts. */
  function(body: readonly string[]): KernelFunction;
  /** A function that takes what its body names, and each amount as a parameter of its own. */
  lean(body: readonly string[]): KernelFunction;
}

/** The names in a kernel's function, and what they come to as its parameters. */
export function kernelContext(
  kernel: Kernel,
  stages: Stages,
  isValue: readonly boolean[],
  amounts: AmountNames,
  words: readonly string[] = [],
): KernelContext {
  const names = new CppNames(null, ["dream", "graphs", "seed", "amounts", "begin", "end", "run", "in", ...words]);
  const operands = kernel.operands.map(({ name }, k) => ({ name: names.declare(name), isValue: isValue[k]! }));
  const numbers = new Map(kernel.numbers.map(({ name, value }) => [name, { name: names.declare(name), value }]));
  const fields = new Map<string, string>();
  const facts: KernelFacts = {
    kernel,
    operands,
    valueNames: stages.names,
    numberOf: (name) => {
      const { name: text, value } = numbers.get(name)!;
      return (value.kind === "amount" ? constantOf(value.amount) : null) ?? text;
    },
    amountText: (amount, what) => {
      const fixed = constantOf(amount);
      if (fixed !== null) return cppInteger(fixed);
      const field = amounts.fieldOf(amount, cppIdentifier(what));
      const known = fields.get(field) ?? names.declare(field);
      fields.set(field, known);
      return known;
    },
  };
  const declare = (parameter: KernelParameter): string => declaration(parameter, kernel, operands, numbers, fields);
  const own = parametersOf(kernel, isValue, stages.roots);
  return {
    facts,
    names,
    function: (body) => {
      const parameters = [...own, ...(fields.size > 0 ? [{ kind: "amounts" } as const] : [])];
      return {
        parameters,
        declarations: parameters.map(declare),
        body: [...[...fields].map(([field, name]) => `const std::int64_t ${name} = amounts.${field};`), ...body],
      };
    },
    lean: (body) => {
      const words = new Set(body.join("\n").match(/\w+/g));
      const all = [...own, ...[...fields.keys()].map((field) => ({ kind: "amount", field }) as const)];
      const made = all.map((parameter) => ({ parameter, text: declare(parameter) }));
      const used = made.filter(({ text }) => words.has(/\w+$/.exec(text)![0]));
      return { parameters: used.map(({ parameter }) => parameter), declarations: used.map(({ text }) => text), body };
    },
  };
}

function parametersOf(
  kernel: Kernel,
  isValue: readonly boolean[],
  roots: readonly ScalarNode[],
): readonly KernelParameter[] {
  const numbers = kernel.numbers.filter(({ value }) => value.kind !== "amount" || constantOf(value.amount) === null);
  return [
    ...kernel.operands.map((_, operand) => ({ kind: "operand", operand, isValue: isValue[operand]! }) as const),
    ...numbers.map(({ name }) => ({ kind: "number", name }) as const),
    ...(isRandom(roots) ? [{ kind: "seed" } as const] : []),
  ];
}

const isRandom = (roots: readonly ScalarNode[]): boolean =>
  nodesBelow(roots).some(
    (node) => node.kind === "apply" && (node.fn === "randomUniform" || node.fn === "randomNormal"),
  );

function declaration(
  parameter: KernelParameter,
  kernel: Kernel,
  operands: KernelFacts["operands"],
  numbers: ReadonlyMap<string, { readonly name: string }>,
  fields: ReadonlyMap<string, string>,
): string {
  switch (parameter.kind) {
    case "operand": {
      const { dtype, role } = kernel.operands[parameter.operand]!;
      const { name } = operands[parameter.operand]!;
      if (parameter.isValue) return `${dtype === "i32" ? "std::int64_t" : dtype === "bool" ? "bool" : "float"} ${name}`;
      return `${role === "read" ? "const " : ""}${cppElementTypes[dtype]}* __restrict ${name}`;
    }
    case "number":
      return `std::int64_t ${numbers.get(parameter.name)!.name}`;
    case "seed":
      return "std::uint32_t seed";
    case "amounts":
      return "const Amounts& amounts";
    case "amount":
      return `std::int64_t ${fields.get(parameter.field)!}`;
  }
}
