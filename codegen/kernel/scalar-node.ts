// Scalars of a kernel as typed nodes, each expression once: what is written twice in a kernel, or reached twice, is one
// node, so that targets can compute it once. Arithmetic is float32 as soon as one side is a float, else int64.
import type { Scalar, ScalarFunction } from "../../src/ir/kernel.js";
import type { DType } from "../../src/ir/tensor-type.js";

/** `number`: a literal, or a choice of literals, that takes the type of what is around it. */
export type ValueType = "float" | "integer" | "mask" | "number";

interface NodeBase {
  readonly id: number;
  readonly type: ValueType;
}
export type ScalarNode = NodeBase &
  (
    | { readonly kind: "input"; readonly operand: number; readonly at: readonly ScalarNode[] | null }
    | { readonly kind: "constant"; readonly value: number }
    | { readonly kind: "attribute"; readonly name: string }
    | { readonly kind: "index"; readonly letter: string }
    | { readonly kind: "extent"; readonly letter: string }
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "apply"; readonly fn: NodeFunction; readonly args: readonly ScalarNode[] }
  );
/** `floorDivide`: of integers, rounded down. */
export type NodeFunction = ScalarFunction | "floorDivide";
export type ApplyNode = ScalarNode & { readonly kind: "apply" };
export type InputNode = ScalarNode & { readonly kind: "input" };

/** What the nodes of one kernel are made from. */
export interface NodeFacts {
  readonly operandTypes: readonly DType[];
  /** Numbers that are not whole make an attribute a float. */
  isWholeNumber(attribute: string): boolean;
  /** Letters of one place: their index is 0. */
  isSingle(letter: string): boolean;
}

export const typeOfOperand: { readonly [D in DType]: ValueType } = {
  f32: "float",
  bf16: "float",
  i32: "integer",
  bool: "mask",
};

/** The nodes of one kernel. */
export class ScalarNodes {
  readonly #byKey = new Map<string, ScalarNode>();
  readonly #ofScalar = new Map<Scalar, ScalarNode>();
  readonly #names = new Map<string, ScalarNode>();

  constructor(readonly facts: NodeFacts) {}

  /** The node of a scalar; names must have been bound or declared before. */
  of(scalar: Scalar): ScalarNode {
    const known = this.#ofScalar.get(scalar);
    if (known) return known;
    const node = this.#make(scalar);
    this.#ofScalar.set(scalar, node);
    return node;
  }

  /** A name for the value of a node. */
  bind(name: string, node: ScalarNode): void {
    this.#names.set(name, node);
  }

  /** A name for the result of a reduction. */
  declare(name: string, type: ValueType): ScalarNode {
    const node = this.#intern(`name ${name}`, { type, kind: "name", name });
    this.#names.set(name, node);
    return node;
  }

  constant(value: number): ScalarNode {
    const type = Number.isSafeInteger(value) && !Object.is(value, -0) ? "number" : "float";
    return this.#intern(`constant ${Object.is(value, -0) ? "-0" : value}`, { type, kind: "constant", value });
  }

  input(operand: number, at: readonly ScalarNode[] | null): ScalarNode {
    const type = typeOfOperand[this.facts.operandTypes[operand]!];
    return this.#intern(`input ${operand} ${at?.map(({ id }) => id)}`, { type, kind: "input", operand, at });
  }

  apply(fn: NodeFunction, args: readonly ScalarNode[]): ScalarNode {
    const simpler = this.#simplified(fn, args);
    if (simpler) return simpler;
    const type = typeOfApply(fn, args);
    return this.#intern(`${fn} ${args.map(({ id }) => id)}`, { type, kind: "apply", fn, args });
  }

  #make(scalar: Scalar): ScalarNode {
    switch (scalar.kind) {
      case "input":
        return this.input(scalar.input, scalar.at?.map((index) => this.of(index)) ?? null);
      case "constant":
        return this.constant(scalar.value);
      case "attribute": {
        const type = this.facts.isWholeNumber(scalar.path) ? "integer" : "float";
        return this.#intern(`attribute ${scalar.path}`, { type, kind: "attribute", name: scalar.path });
      }
      case "index":
        if (this.facts.isSingle(scalar.letter)) return this.constant(0);
        return this.#intern(`index ${scalar.letter}`, { type: "integer", kind: "index", letter: scalar.letter });
      case "extent":
        return this.#intern(`extent ${scalar.letter}`, { type: "integer", kind: "extent", letter: scalar.letter });
      case "name": {
        const node = this.#names.get(scalar.name);
        if (!node) throw new Error(`the kernel reads ${scalar.name} before it is computed`);
        return node;
      }
      case "apply":
        return this.apply(
          scalar.fn,
          scalar.args.map((arg) => this.of(arg)),
        );
    }
  }

  /** What index arithmetic of general ops comes down to: x + 0, x * 1, 0 * x, floor of a whole number, floor(a / b). */
  #simplified(fn: NodeFunction, args: readonly ScalarNode[]): ScalarNode | null {
    const [a, b] = args;
    const isWhole = args.every(({ type }) => type === "integer" || type === "number");
    if (fn === "floor" && a!.kind === "apply" && a!.fn === "div" && a!.args.every(isInteger)) {
      return this.apply("floorDivide", a!.args);
    }
    if (fn === "floor" && isInteger(a!)) return a!;
    if (!isWhole) return null;
    const is = (node: ScalarNode, value: number): boolean => node.kind === "constant" && node.value === value;
    if (fn === "add" && is(a!, 0)) return b!;
    if ((fn === "add" || fn === "sub") && is(b!, 0)) return a!;
    if (fn === "mul" && is(a!, 1)) return b!;
    if (fn === "mul" && is(b!, 1)) return a!;
    if (fn === "mul" && (is(a!, 0) || is(b!, 0))) return this.constant(0);
    return null;
  }

  #intern(key: string, node: WithoutId<ScalarNode>): ScalarNode {
    const known = this.#byKey.get(key);
    if (known) return known;
    const made = { ...node, id: this.#byKey.size } as ScalarNode;
    this.#byKey.set(key, made);
    return made;
  }
}

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

const isInteger = ({ type }: ScalarNode): boolean => type === "integer" || type === "number";

/** The type in which two sides meet. */
export function commonType(types: readonly ValueType[]): ValueType {
  if (types.includes("float")) return "float";
  if (types.every((type) => type === "number")) return "number";
  return "integer";
}

function typeOfApply(fn: NodeFunction, args: readonly ScalarNode[]): ValueType {
  const types = args.map(({ type }) => type);
  switch (fn) {
    case "add":
    case "sub":
    case "mul":
    case "max":
    case "min":
    case "neg":
    case "abs":
    case "sign":
      return commonType(types);
    case "less":
    case "lessEqual":
    case "equal":
    case "and":
    case "or":
    case "not":
      return "mask";
    case "select": {
      const arms = types.slice(1);
      return arms.every((type) => type === "mask") ? "mask" : commonType(arms);
    }
    case "toInteger":
    case "floorDivide":
      return "integer";
    default:
      return "float";
  }
}

/** The nodes that a node is computed from. */
export function argumentsOf(node: ScalarNode): readonly ScalarNode[] {
  if (node.kind === "apply") return node.args;
  if (node.kind === "input") return node.at ?? [];
  return [];
}

/** Whether a node reads an operand at a computed place, directly or below. */
export function readsComputedPlaces(node: ScalarNode, known: Map<ScalarNode, boolean>): boolean {
  const before = known.get(node);
  if (before !== undefined) return before;
  const found =
    (node.kind === "input" && node.at !== null && node.at.length > 0) ||
    argumentsOf(node).some((arg) => readsComputedPlaces(arg, known));
  known.set(node, found);
  return found;
}

/** The operands that a value reads anywhere below it. */
export function operandsReadBy(root: ScalarNode): ReadonlySet<number> {
  return new Set(nodesBelow([root]).flatMap((node) => (node.kind === "input" ? [node.operand] : [])));
}

/** Every node that some roots are computed from, themselves included. */
export function nodesBelow(roots: readonly ScalarNode[]): readonly ScalarNode[] {
  const found = new Set<ScalarNode>();
  const visit = (node: ScalarNode): void => {
    if (found.has(node)) return;
    found.add(node);
    argumentsOf(node).forEach(visit);
  };
  roots.forEach(visit);
  return [...found];
}
