// The kernels of one graph's file, each text once: launches that differ in nothing but what their tensors are called share
// functions, whose parameters then have the part of the names that they have in common.
import type { Kernel } from "../../src/ir/scheduled.js";
import { type CppNames, cppIdentifier } from "../cpp-text.js";

/** Stands for the name of an operand until all launches of its kernel are known. */
const placeholder = (operand: number): string => `OPERAND${operand}`;
const placeholders = /OPERAND(\d+)/g;

/** What a target makes of a kernel. */
export interface MadeKernel {
  /** Everything by which two kernels differ. */
  readonly text: readonly string[];
  /** What stands behind the kernel's name in the names of its functions: `""`, or one for each of several. */
  readonly suffixes: readonly string[];
}

/** A kernel on the shelf. */
export interface Shelved<M extends MadeKernel> {
  /** Of its functions. */
  readonly names: readonly string[];
  readonly kernel: Kernel;
  readonly made: M;
  /** A line of the kernel with the final names of its operands. */
  named(line: string): string;
}

interface Entry<M extends MadeKernel> extends Omit<Shelved<M>, "named"> {
  /** Of each operand, the names that launches have for it. */
  readonly operandNames: readonly Set<string>[];
}

export class KernelShelf<M extends MadeKernel> {
  readonly #shared = new Map<string, Entry<M>>();
  readonly #order: Entry<M>[] = [];

  constructor(readonly names: CppNames) {}

  /** The functions of a kernel, made for operands without names of their own. */
  share(kernel: Kernel, make: (anonymous: Kernel) => M): { readonly names: readonly string[]; readonly made: M } {
    const operands = kernel.operands.map((operand, k) => ({ ...operand, name: placeholder(k) }));
    const made = make({ ...kernel, operands });
    const key = made.text.join("\n");
    const known = this.#shared.get(key) ?? this.#put(kernel.name, kernel, made);
    this.#shared.set(key, known);
    kernel.operands.forEach(({ name }, k) => {
      known.operandNames[k]!.add(cppIdentifier(name));
    });
    return { names: known.names, made };
  }

  /** Functions that one launch has alone; `make` gets their first name. */
  keep(kernel: Kernel, make: (name: string) => M): { readonly names: readonly string[]; readonly made: M } {
    const name = this.names.declare(kernel.name);
    const made = make(name);
    const { names } = this.#put(name, kernel, made, name);
    return { names, made };
  }

  /** All functions, in the order in which they were first needed. */
  shelved(): readonly Shelved<M>[] {
    return this.#order.map((entry) => ({ ...entry, named: renaming(entry) }));
  }

  #put(wanted: string, kernel: Kernel, made: M, declared: string | null = null): Entry<M> {
    const name = declared ?? this.names.declare(wanted);
    const names = made.suffixes.map((suffix) => (suffix === "" ? name : this.names.declare(`${name}${suffix}`)));
    const entry = { names, kernel, made, operandNames: kernel.operands.map(() => new Set<string>()) };
    this.#order.push(entry);
    return entry;
  }
}

function renaming<M extends MadeKernel>({ made, operandNames }: Entry<M>): (line: string) => string {
  const taken = new Set(made.text.join("\n").match(/\w+/g));
  const finalNames = operandNames.map((all) => {
    const wanted = commonWords([...all]);
    let chosen = wanted;
    for (let count = 2; taken.has(chosen); count++) chosen = `${wanted}${count}`;
    taken.add(chosen);
    return chosen;
  });
  return (line) => line.replace(placeholders, (_, k: string) => finalNames[Number(k)]!);
}

/** `qProjBias`, `kProjBias`: `projBias`. Names that end in nothing alike: `x`. */
function commonWords(names: readonly string[]): string {
  if (names.length === 0) return "x";
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

/** `static void name(a, b) {`, broken where it is too long. */
export function functionHeader(start: string, declarations: readonly string[], end: string): readonly string[] {
  const lines = [start];
  declarations.forEach((declaration, i) => {
    const text = `${declaration}${i === declarations.length - 1 ? end : ","}`;
    const last = lines.at(-1)!;
    if (last === start) lines[0] = `${start}${text}`;
    else if (last.length + text.length < 118) lines[lines.length - 1] = `${last} ${text}`;
    else lines.push(`${" ".repeat(start.length)}${text}`);
  });
  return declarations.length === 0 ? [`${start}${end}`] : lines;
}
