// Writes the body of a kernel from the outside in: blocks of loops, and in them values, each computed once and as far
// outside as it can be. A block at level n lies inside that of level n - 1; level 0 is the function itself.
import type { Amount, Kernel } from "../../src/ir/scheduled.js";
import type { CppNames } from "../cpp-text.js";
import { constantOf, isAlways } from "./amount.js";
import type { LoopLetter } from "./loop-letters.js";
import { argumentsOf, type InputNode, readsComputedPlaces, type ScalarNode } from "./scalar-node.js";
import {
  applyPiece,
  binds,
  type CppValueType,
  concreteType,
  convert,
  cppElementTypes,
  cppValueTypes,
  literalPiece,
  type Piece,
  primary,
  storedPiece,
  valueNames,
  within,
} from "./scalar-text.js";

/** What a kernel's function has at hand. */
export interface KernelFacts {
  readonly kernel: Kernel;
  /** The C++ name of each operand's pointer, or of its value if it is handed over by value. */
  readonly operands: readonly { readonly name: string; readonly isValue: boolean }[];
  /** The C++ name of a number, or what it is in every variant. */
  numberOf(name: string): string | number;
  /** A literal or the name of a constant of the function; `what` is for its readers. */
  amountText(amount: Amount, what: string): string;
  /** What the kernel itself calls a value, if it does. */
  readonly valueNames: ReadonlyMap<ScalarNode, string>;
}

/** A running index: how many steps along a loop (a loop may have several: the start of a tile, and a place in it). */
export interface LoopVariable {
  readonly name: string;
  readonly loop: LoopLetter;
}

interface Block {
  readonly lines: string[];
  readonly variables: readonly LoopVariable[];
  readonly values: Map<string, string>;
  readonly pointers: Map<string, string>;
  /** Names of variables in it: free again when it is closed. */
  readonly names: string[];
}

/** How a value that is there already is read: a variable of a block, or an element of an array at a running index. */
interface Result {
  readonly text: string;
  readonly level: number;
  readonly index: string | null;
}

/** Writes a planned value as a type. */
export type WriteValue = (node: ScalarNode, type: CppValueType) => Piece;

export class LoopWriter {
  readonly #blocks: Block[] = [newBlock([])];
  readonly #results = new Map<ScalarNode, Result>();
  readonly #computed = new Map<ScalarNode, boolean>();
  readonly #operandLevels = new Map<number, number>();
  #nextNames: string[] = [];

  constructor(
    readonly facts: KernelFacts,
    readonly names: CppNames,
  ) {}

  /** A name for a variable of the innermost block. */
  declare(wanted: string): string {
    return this.#declareIn(this.level, wanted);
  }
  /** A name for a running index of the block that will be opened next. */
  declareIndex(wanted: string): string {
    const name = this.names.declare(wanted);
    this.#nextNames.push(name);
    return name;
  }

  get level(): number {
    return this.#blocks.length - 1;
  }
  line(text: string): void {
    this.#blocks.at(-1)!.lines.push(text);
  }
  /** The lines of the function's body. */
  finish(): readonly string[] {
    if (this.#blocks.length !== 1) throw new Error("a block of a kernel is still open");
    return this.#blocks[0]!.lines;
  }

  /** A block behind header lines that open braces, with running indices of its own. */
  block(headers: readonly string[], variables: readonly LoopVariable[], body: () => void, closing = "}"): void {
    this.#blocks.push({ ...newBlock(variables), names: this.#nextNames });
    this.#nextNames = [];
    body();
    const { lines, names } = this.#blocks.pop()!;
    for (const name of names) this.names.release(name);
    const parent = this.#blocks.at(-1)!.lines;
    let depth = 0;
    for (const header of headers) {
      parent.push(indented(header, depth));
      if (header.endsWith("{")) depth++;
    }
    for (const line of lines) parent.push(indented(line, depth));
    for (let i = depth - 1; i >= 0; i--) parent.push(indented(i === 0 ? closing : "}", i));
  }

  /** A node's value is this variable of the innermost block or, with the name of a running index, this element. */
  setResult(node: ScalarNode, text: string, index: string | null = null): void {
    this.#results.set(node, { text, level: this.level, index });
  }

  /** An operand's pointer or value is a variable of the innermost block: nothing outside can read it. */
  bindOperand(operand: number): void {
    this.#operandLevels.set(operand, this.level);
  }

  /** Whether a node's value is there already. */
  hasResult(node: ScalarNode): boolean {
    return this.#results.has(node);
  }
  /** Whether everything that a node needs has been reduced. */
  isKnown(node: ScalarNode): boolean {
    return this.#results.has(node) || (node.kind !== "name" && argumentsOf(node).every((arg) => this.isKnown(arg)));
  }

  /** The innermost block that a node depends on. */
  levelOf(node: ScalarNode): number {
    const result = this.#results.get(node);
    if (result) return result.index === null ? result.level : this.#levelWhere(({ name }) => name === result.index);
    switch (node.kind) {
      case "constant":
      case "attribute":
      case "extent":
        return 0;
      case "index":
        return this.#levelWhere(({ loop }) => loop.letters.includes(node.letter));
      case "name":
        throw new Error(`kernel ${this.facts.kernel.name} reads ${node.name} before it is there`);
      case "input": {
        const { isValue } = this.facts.operands[node.operand]!;
        const least = this.#operandLevels.get(node.operand) ?? 0;
        if (isValue) return least;
        if (node.at) return Math.max(least, ...node.at.map((index) => this.levelOf(index)));
        return Math.max(
          least,
          this.#levelWhere(({ loop }) => !isAlways(loop.strides[node.operand]!, 0)),
        );
      }
      case "apply":
        return Math.max(0, ...node.args.map((arg) => this.levelOf(arg)));
    }
  }

  /**
   * Decides which values below some roots get a name: those used twice, those that a block outside can compute, and
   * `early` ones, which get it first. What may be read only where it is chosen stays inside its choice, early ones apart.
   */
  plan(roots: readonly ScalarNode[], early: ReadonlySet<ScalarNode> = new Set()): WriteValue {
    const levels = new Map<ScalarNode, number>();
    const levelOf = (node: ScalarNode): number => {
      const known = levels.get(node) ?? this.levelOf(node);
      levels.set(node, known);
      return known;
    };
    const always = this.#reachedAlways([...roots, ...early]);
    const uses = new Map<ScalarNode, number>();
    const named = new Set<ScalarNode>();
    const use = (node: ScalarNode, userLevel: number): void => {
      const before = uses.get(node) ?? 0;
      uses.set(node, before + 1);
      const isFree = always.has(node) || !readsComputedPlaces(node, this.#computed);
      const isWorthIt = before > 0 || levelOf(node) < userLevel || early.has(node);
      if (isWorthIt && isFree && !this.#isTrivial(node)) named.add(node);
      if (before === 0 && !this.#results.has(node)) for (const arg of argumentsOf(node)) use(arg, levelOf(node));
    };
    for (const root of roots) use(root, this.level);
    const write: WriteValue = (node, type) => {
      const own = node.type === "number" ? type : concreteType(node.type);
      const name = this.#valueName(node, own);
      if (name !== null) return convert(primary(name), own, type);
      const result = this.#results.get(node);
      if (result) return convert(primary(result.text), own, type);
      const constant = this.#constantOf(node);
      if (constant !== null) return literalPiece(constant, type);
      if (!named.has(node)) return convert(this.#raw(node, own, write), own, type);
      const declared = this.#declare(node, own, levelOf(node), this.#raw(node, own, write).text);
      return convert(primary(declared), own, type);
    };
    for (const node of early) if (uses.has(node)) write(node, concreteType(node.type));
    return write;
  }

  /** An element of an operand as a place to read or write; `at` overrides its own place. */
  element(operand: number, at: readonly Piece[] | null = null): string {
    const { name, isValue } = this.facts.operands[operand]!;
    if (isValue) return name;
    if (at) {
      const { atStrides } = this.facts.kernel.operands[operand]!;
      const terms = at.map((piece, d) => this.#term(piece, atStrides[d]!, "step")).filter((term) => term !== "");
      return `${name}[${terms.length === 0 ? "0" : terms.join(" + ")}]`;
    }
    const inner = this.#terms(operand, (level) => level === this.level);
    const outer = this.#terms(operand, (level) => level < this.level);
    if (outer.length === 0) return `${name}[${inner.length === 0 ? "0" : inner.join(" + ")}]`;
    if (inner.length === 0) return `${name}[${outer.join(" + ")}]`;
    return `${this.#rowPointer(operand, outer)}[${inner.join(" + ")}]`;
  }

  /** A statement that writes an element of an operand. */
  store(operand: number, value: ScalarNode, write: WriteValue): void {
    const { dtype } = this.facts.kernel.operands[operand]!;
    const type = value.type === "number" ? storedType[dtype] : concreteType(value.type);
    const text = storedPiece(write(value, type), type, dtype);
    this.line(`${this.element(operand)} = ${text};`);
  }

  #raw(node: ScalarNode, type: CppValueType, write: WriteValue): Piece {
    switch (node.kind) {
      case "constant":
        return literalPiece(node.value, type);
      case "attribute":
        return primary(String(this.facts.numberOf(node.name)));
      case "extent":
        return primary(this.facts.amountText(this.#sizeOf(node.letter), `${node.letter}Size`));
      case "index":
        return this.#indexPiece(node.letter);
      case "name":
        throw new Error(`kernel ${this.facts.kernel.name} reads ${node.name} before it is there`);
      case "input":
        return this.#inputPiece(node, write);
      case "apply":
        return applyPiece(
          node,
          type,
          write,
          node.fn === "select" && node.args.slice(1).some((arg) => this.#isLazy(arg)),
        );
    }
  }

  /** Whether a node reads at a computed place, and not before it is asked for. */
  #isLazy(node: ScalarNode): boolean {
    if (!readsComputedPlaces(node, this.#computed)) return false;
    if (this.#valueName(node, concreteType(node.type)) !== null) return false;
    return (node.kind === "input" && node.at !== null) || argumentsOf(node).some((arg) => this.#isLazy(arg));
  }

  #inputPiece(node: InputNode, write: WriteValue): Piece {
    const at = node.at?.map((index) => write(index, "integer")) ?? null;
    return this.#isByValue(node) ? primary(this.element(node.operand)) : this.#loaded(node.operand, at);
  }

  #loaded(operand: number, at: readonly Piece[] | null): Piece {
    const element = this.element(operand, at);
    const { dtype } = this.facts.kernel.operands[operand]!;
    if (dtype === "bf16") return primary(`float(${element})`);
    return dtype === "i32" ? primary(`std::int64_t(${element})`) : primary(element);
  }

  #isByValue(node: ScalarNode): boolean {
    return node.kind === "input" && this.facts.operands[node.operand]!.isValue;
  }

  /** Values that are as short and cheap as a name. */
  #isTrivial(node: ScalarNode): boolean {
    if (this.#results.has(node)) return true;
    return (node.kind !== "apply" && node.kind !== "input") || this.#isByValue(node);
  }

  #constantOf(node: ScalarNode): number | null {
    if (node.kind === "extent") return constantOf(this.#sizeOf(node.letter));
    if (node.kind === "attribute") {
      const number = this.facts.numberOf(node.name);
      return typeof number === "number" ? number : null;
    }
    return node.kind === "constant" ? node.value : null;
  }

  #sizeOf(letter: string): Amount {
    const { kernel } = this.facts;
    const found = [...kernel.outer, ...kernel.inner].find((each) => each.letter === letter);
    if (!found) throw new Error(`kernel ${kernel.name} has no letter ${letter}`);
    return found.size;
  }

  #levelWhere(holds: (variable: LoopVariable) => boolean): number {
    return Math.max(
      0,
      this.#blocks.findLastIndex(({ variables }) => variables.some(holds)),
    );
  }

  #indexPiece(letter: string): Piece {
    const variables = this.#blocks.flatMap((block) => block.variables).filter(({ loop }) => loop.letters[0] === letter);
    if (variables.length === 0) throw new Error(`letter ${letter} has no index here`);
    const text = variables.map(({ name }) => name).join(" + ");
    return variables.length === 1 ? primary(text) : { text, binding: binds.sum };
  }

  #terms(operand: number, isWanted: (level: number) => boolean): readonly string[] {
    return this.#blocks.flatMap(({ variables }, level) =>
      isWanted(level)
        ? variables
            .map(({ name, loop }) => this.#term(primary(name), loop.strides[operand]!, `${name}Step`))
            .filter((term) => term !== "")
        : [],
    );
  }

  /** `index * stride`, or nothing where it is 0. */
  #term(index: Piece, stride: Amount, what: string): string {
    if (isAlways(stride, 0) || index.text === "0") return "";
    if (isAlways(stride, 1)) return within(index, binds.sum);
    return `${within(index, binds.product)} * ${this.facts.amountText(stride, what)}`;
  }

  #rowPointer(operand: number, terms: readonly string[]): string {
    const level = this.#blocks.findLastIndex(
      ({ variables }, i) => i < this.level && variables.some(({ loop }) => !isAlways(loop.strides[operand]!, 0)),
    );
    const { name } = this.facts.operands[operand]!;
    const { dtype, role } = this.facts.kernel.operands[operand]!;
    const key = `${operand} ${terms.join(" + ")}`;
    for (const block of this.#blocks) {
      const known = block.pointers.get(key);
      if (known !== undefined) return known;
    }
    const pointer = this.#declareIn(level, `${name}Row`);
    const block = this.#blocks[level]!;
    const constant = role === "read" ? "const " : "";
    block.lines.push(`${constant}${cppElementTypes[dtype]}* const ${pointer} = ${name} + ${terms.join(" + ")};`);
    block.pointers.set(key, pointer);
    return pointer;
  }

  #valueName(node: ScalarNode, type: CppValueType): string | null {
    for (const block of this.#blocks) {
      const known = block.values.get(`${node.id} ${type}`);
      if (known !== undefined) return known;
    }
    return null;
  }

  #declare(node: ScalarNode, type: CppValueType, level: number, text: string): string {
    const wanted = this.facts.valueNames.get(node) ?? this.#wantedName(node);
    const name = this.#declareIn(level, wanted);
    const block = this.#blocks[level]!;
    block.lines.push(`const ${cppValueTypes[type]} ${name} = ${text};`);
    block.values.set(`${node.id} ${type}`, name);
    return name;
  }

  #declareIn(level: number, wanted: string): string {
    const name = this.names.declare(wanted);
    this.#blocks[level]!.names.push(name);
    return name;
  }

  #wantedName(node: ScalarNode): string {
    if (node.kind === "apply") return valueNames[node.fn];
    return node.kind === "input" ? `${this.facts.operands[node.operand]!.name}Value` : "value";
  }

  /** Nodes that are computed whatever is chosen. */
  #reachedAlways(roots: readonly ScalarNode[]): ReadonlySet<ScalarNode> {
    const reached = new Set<ScalarNode>();
    const visit = (node: ScalarNode): void => {
      if (reached.has(node)) return;
      reached.add(node);
      if (node.kind === "apply" && node.fn === "select") visit(node.args[0]!);
      else argumentsOf(node).forEach(visit);
    };
    roots.forEach(visit);
    return reached;
  }
}

const storedType = { f32: "float", bf16: "float", i32: "integer", bool: "mask" } as const;

const newBlock = (variables: readonly LoopVariable[]): Block => ({
  lines: [],
  variables,
  values: new Map(),
  pointers: new Map(),
  names: [],
});

const indented = (line: string, depth: number): string => (line === "" ? "" : "  ".repeat(depth) + line);
