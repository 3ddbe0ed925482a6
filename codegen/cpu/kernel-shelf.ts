// The kernels of one graph's file, each text once: launches that differ in nothing but what their tensors are called share
// a function, whose parameters then have the part of the names that they have in common.
import type { Kernel, TableLaunch } from "../../src/ir/scheduled.js";
import { type CppNames, cppComment, cppIdentifier } from "../cpp-text.js";
import type { AmountTable } from "../graph/amount-table.js";
import { type KernelFunction, type KernelParameter, kernelFunction } from "./kernel-function.js";
import { type TableFunction, tableFunction } from "./table-function.js";

/** Stands for the name of an operand until all launches of its kernel are known. */
const placeholder = (operand: number): string => `OPERAND${operand}`;
const placeholders = /OPERAND(\d+)/g;

interface SharedKernel {
  readonly name: string;
  readonly kernel: Kernel;
  readonly made: KernelFunction;
  /** Of each operand, the names that launches have for it. */
  readonly operandNames: readonly Set<string>[];
}

export class KernelShelf {
  readonly #shared = new Map<string, SharedKernel>();
  readonly #order: (SharedKernel | readonly string[])[] = [];

  constructor(
    readonly names: CppNames,
    readonly amounts: AmountTable,
  ) {}

  /** The function of a kernel. `isValue`: operands that are handed over by value. */
  kernel(kernel: Kernel, isValue: readonly boolean[]): { name: string; parameters: readonly KernelParameter[] } {
    const anonymous = {
      ...kernel,
      operands: kernel.operands.map((operand, k) => ({ ...operand, name: placeholder(k) })),
    };
    const made = kernelFunction(anonymous, isValue, this.amounts);
    const key = [...made.declarations, ...made.body].join("\n");
    const known = this.#shared.get(key) ?? this.#add(key, kernel, made);
    kernel.operands.forEach(({ name }, k) => {
      known.operandNames[k]!.add(cppIdentifier(name));
    });
    return { name: known.name, parameters: made.parameters };
  }

  /** The function of a table, with the table in front of it. */
  table(launch: TableLaunch): { name: string; parameters: TableFunction["parameters"] } {
    const { kernel } = launch;
    const name = this.names.declare(kernel.name);
    const { table, declarations, body, parameters } = tableFunction(launch, name, this.amounts, this.names);
    this.#order.push([...table, ...functionLines(name, kernel, declarations, body)]);
    return { name, parameters };
  }

  /** The text of all functions, in the order in which they were first needed. */
  lines(): readonly string[] {
    return this.#order.flatMap((each) => ("made" in each ? sharedLines(each) : each));
  }

  #add(key: string, kernel: Kernel, made: KernelFunction): SharedKernel {
    const operandNames = kernel.operands.map(() => new Set<string>());
    const shared = { name: this.names.declare(kernel.name), kernel, made, operandNames };
    this.#shared.set(key, shared);
    this.#order.push(shared);
    return shared;
  }
}

function sharedLines({ name, kernel, made, operandNames }: SharedKernel): readonly string[] {
  const text = [...made.declarations, ...made.body].join("\n");
  const taken = new Set(text.match(/\w+/g));
  const finalNames = operandNames.map((all) => {
    const wanted = commonWords([...all]);
    let chosen = wanted;
    for (let count = 2; taken.has(chosen); count++) chosen = `${wanted}${count}`;
    taken.add(chosen);
    return chosen;
  });
  const named = (line: string): string => line.replace(placeholders, (_, k: string) => finalNames[Number(k)]!);
  return functionLines(name, kernel, made.declarations.map(named), made.body.map(named));
}

/** `qProjBias`, `kProjBias`: `projBias`. Names that end in nothing alike: `x`. */
function commonWords(names: readonly string[]): string {
  const words = names.map((name) => name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").split(" "));
  const [first, ...others] = words as [string[], ...string[][]];
  if (others.length === 0) return names[0]!;
  let count = 0;
  const isCommon = (at: number): boolean =>
    others.every((each) => each.at(-at)?.toLowerCase() === first.at(-at)?.toLowerCase());
  while (count < first.length && isCommon(count + 1)) count++;
  if (count === 0) return "x";
  const [head, ...rest] = first.slice(-count) as [string, ...string[]];
  return cppIdentifier(head[0]!.toLowerCase() + head.slice(1) + rest.join(""));
}

function functionLines(
  name: string,
  kernel: Kernel,
  declarations: readonly string[],
  body: readonly string[],
): readonly string[] {
  const ops = [...new Set(kernel.from.map(({ op }) => op))].join(", ");
  return [
    ...(ops === "" || ops === name ? [] : [cppComment(ops)]),
    ...header(name, declarations),
    ...body.map((line) => (line === "" ? "" : `  ${line}`)),
    "}",
    "",
  ];
}

/** `static void name(a, b) {`, broken where it is too long. */
function header(name: string, declarations: readonly string[]): readonly string[] {
  const start = `static void ${name}(`;
  const lines = [start];
  declarations.forEach((declaration, i) => {
    const text = `${declaration}${i === declarations.length - 1 ? ") {" : ","}`;
    const last = lines.at(-1)!;
    if (last === start) lines[0] = `${start}${text}`;
    else if (last.length + text.length < 118) lines[lines.length - 1] = `${last} ${text}`;
    else lines.push(`${" ".repeat(start.length)}${text}`);
  });
  return declarations.length === 0 ? [`${start}) {`] : lines;
}
