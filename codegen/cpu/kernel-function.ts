// A kernel as a static C++ function: what it takes, and the kind of loops that fits its letters and memory.
import type { Amount, Kernel } from "../../src/ir/scheduled.js";
import { CppNames, cppIdentifier, cppInteger } from "../cpp-text.js";
import { constantOf } from "../kernel/amount.js";
import {
  contiguousLoop,
  contiguousReads,
  indexedLetters,
  inMemoryOrder,
  loopLetters,
  mergeLoops,
} from "../kernel/loop-letters.js";
import { type KernelFacts, LoopWriter } from "../kernel/loop-writer.js";
import { nodesBelow, type ScalarNode } from "../kernel/scalar-node.js";
import { cppElementTypes } from "../kernel/scalar-text.js";
import { type Stages, stagesOf } from "../kernel/stages.js";
import { areFewColumns, writeBlocksOfColumns } from "./blocks-of-columns.js";
import { writeBlocksOfRows } from "./blocks-of-rows.js";
import { type ColumnLoops, writeColumns } from "./columns.js";
import { writeElementwise } from "./elementwise.js";
import { areFewLongRows, writeRows } from "./rows.js";

/** What a kernel's function takes, in order. */
export type KernelParameter =
  | { readonly kind: "operand"; readonly operand: number; readonly isValue: boolean }
  | { readonly kind: "number"; readonly name: string }
  | { readonly kind: "seed" }
  | { readonly kind: "amounts" };

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

/** Operands that are numbers of the host code are handed over by value. */
export function kernelFunction(kernel: Kernel, isValue: readonly boolean[], amounts: AmountNames): KernelFunction {
  const stages = stagesOf(kernel);
  const context = kernelContext(kernel, stages, isValue, amounts);
  const w = new LoopWriter(context.facts, context.names);
  writeLoops(w, kernel, stages);
  return context.function(w.finish());
}

/** The names in a kernel's function, and what they come to as its parameters. */
export function kernelContext(
  kernel: Kernel,
  stages: Stages,
  isValue: readonly boolean[],
  amounts: AmountNames,
): { facts: KernelFacts; names: CppNames; function(body: readonly string[]): KernelFunction } {
  const names = new CppNames(null, ["dream", "graphs", "seed", "amounts", "begin", "end", "run", "in"]);
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
  return {
    facts,
    names,
    function: (body) => {
      const parameters = parametersOf(kernel, isValue, stages.roots, fields.size > 0);
      return {
        parameters,
        declarations: parameters.map((parameter) => declaration(parameter, kernel, operands, numbers)),
        body: [...[...fields].map(([field, name]) => `const std::int64_t ${name} = amounts.${field};`), ...body],
      };
    },
  };
}

function parametersOf(
  kernel: Kernel,
  isValue: readonly boolean[],
  roots: readonly ScalarNode[],
  needsAmounts: boolean,
): readonly KernelParameter[] {
  const numbers = kernel.numbers.filter(({ value }) => value.kind !== "amount" || constantOf(value.amount) === null);
  return [
    ...kernel.operands.map((_, operand) => ({ kind: "operand", operand, isValue: isValue[operand]! }) as const),
    ...numbers.map(({ name }) => ({ kind: "number", name }) as const),
    ...(isRandom(roots) ? [{ kind: "seed" } as const] : []),
    ...(needsAmounts ? [{ kind: "amounts" } as const] : []),
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
  }
}

function writeLoops(w: LoopWriter, kernel: Kernel, stages: Stages): void {
  const flat = withoutReductions(stages);
  if (flat) {
    writeElementwise(w, flat);
    return;
  }
  const indexed = indexedLetters(stages.roots);
  const weights = kernel.operands.map(({ role, strides }) => (role === "write" ? 0 : Object.keys(strides).length));
  const outer = loopLetters(kernel, kernel.outer);
  const inner = loopLetters(kernel, kernel.inner);
  const main = mainOperand(kernel, weights);
  const reads = contiguousReads(kernel, stages.roots);
  const along = contiguousLoop(inner, weights, reads);
  const across = contiguousLoop(outer, weights, reads);
  if (across && (!along || across.score > along.score)) {
    const ordered = mergeLoops(inMemoryOrder(outer, main, across.loop), indexed);
    const loops: ColumnLoops = {
      outer: ordered.slice(0, -1),
      column: ordered.at(-1)!,
      inner: mergeLoops(inMemoryOrder(inner, main, null), indexed),
    };
    const write = areFewColumns(loops, stages) ? writeBlocksOfColumns : writeColumns;
    write(w, loops, stages);
    return;
  }
  const loops = {
    outer: mergeLoops(inMemoryOrder(outer, main, null), indexed),
    inner: mergeLoops(inMemoryOrder(inner, main, along?.loop ?? null), indexed),
  };
  const write = areFewLongRows(loops) ? writeBlocksOfRows : writeRows;
  write(w, loops, stages);
}

/** Stages that reduce nothing as stores over all letters alike; null where some are for the outer letters alone. */
function withoutReductions(stages: Stages): Stages | null {
  const [stage, ...others] = stages.stages;
  if (!stage) return stages;
  const isFlat = others.length === 0 && stage.reduces.length === 0;
  if (!isFlat || stage.before.length > 0 || stages.after.length > 0) return null;
  return { ...stages, stages: [], after: stage.stores };
}

/** The operand whose memory says the order of loops: the one read along most letters. */
function mainOperand(kernel: Kernel, weights: readonly number[]): number {
  const most = Math.max(...weights);
  return most > 0 ? weights.indexOf(most) : kernel.operands.findIndex(({ role }) => role !== "read");
}
