// Scalars as C++ expressions, the same on all targets: arithmetic in float and std::int64_t, functions from dream::math.
import type { DType } from "../../src/ir/tensor-type.js";
import { cppBoolean, cppFloat, cppInteger } from "../cpp-text.js";
import { type ApplyNode, commonType, type NodeFunction, type ScalarNode, type ValueType } from "./scalar-node.js";

/** How tightly a piece of C++ binds; a looser one inside a tighter one gets parentheses. */
export const binds = {
  primary: 16,
  unary: 15,
  product: 13,
  sum: 12,
  order: 10,
  equality: 9,
  and: 8,
  or: 6,
  conditional: 3,
} as const;

export interface Piece {
  readonly text: string;
  readonly binding: number;
}
export const primary = (text: string): Piece => ({ text, binding: binds.primary });
export const within = (piece: Piece, binding: number): string =>
  piece.binding < binding ? `(${piece.text})` : piece.text;

/** A type that C++ knows: what a variable or an argument has. */
export type CppValueType = Exclude<ValueType, "number">;
export const cppValueTypes: { readonly [T in CppValueType]: string } = {
  float: "float",
  integer: "std::int64_t",
  mask: "bool",
};
export const cppElementTypes: { readonly [D in DType]: string } = {
  f32: "float",
  bf16: "dream::bf16",
  i32: "std::int32_t",
  bool: "bool",
};

/** Literals are floats unless something says otherwise. */
export const concreteType = (type: ValueType): CppValueType => (type === "number" ? "float" : type);

export function literalPiece(value: number, type: CppValueType): Piece {
  if (type === "mask") return primary(cppBoolean(value !== 0));
  const binding = value < 0 || Object.is(value, -0) ? binds.unary : binds.primary;
  return { text: type === "float" ? cppFloat(value) : cppInteger(value), binding };
}

/** A value of one type as another. */
export function convert(piece: Piece, from: CppValueType, to: CppValueType): Piece {
  if (from === to) return piece;
  if (to === "mask") {
    const zero = from === "float" ? "0.0f" : "0";
    return { text: `${within(piece, binds.equality + 1)} != ${zero}`, binding: binds.equality };
  }
  return primary(`${to === "float" ? "float" : "std::int64_t"}(${piece.text})`);
}

/** How an element of this type is written from a value. */
export function storedPiece(piece: Piece, type: CppValueType, dtype: DType): string {
  if (dtype === "bool") return convert(piece, type, "mask").text;
  if (dtype === "i32") return `static_cast<std::int32_t>(${piece.text})`;
  return convert(piece, type, "float").text;
}

/** Writes an argument of an expression as a type. */
export type WriteArgument = (node: ScalarNode, type: CppValueType) => Piece;

/**
 * An application as an expression of type `wanted` (which matters for choices of literals alone). `isLazy`: only what a
 * choice takes may be computed.
 */
export function applyPiece(node: ApplyNode, wanted: CppValueType, write: WriteArgument, isLazy: boolean): Piece {
  const { fn, args } = node;
  const own = node.type === "number" ? wanted : node.type;
  const types = args.map(({ type }) => type);
  const met = concreteType(commonType(types));
  const all = (type: CppValueType): readonly Piece[] => args.map((arg) => write(arg, type));
  switch (fn) {
    case "add":
    case "sub":
    case "mul":
      return infix(fn, all(own as CppValueType));
    case "div":
      return infix(fn, all("float"));
    case "less":
    case "lessEqual":
    case "equal":
      return infix(fn, all(types.every((type) => type === "mask") ? "mask" : met));
    case "and":
    case "or":
      // Without branches: both sides are cheap, and a loop with a branch is not vectorized.
      return infix(fn, all("mask"));
    case "not":
      return { text: `!${within(write(args[0]!, "mask"), binds.unary)}`, binding: binds.unary };
    case "neg":
      return { text: `-${within(write(args[0]!, own as CppValueType), binds.primary)}`, binding: binds.unary };
    case "select": {
      const [condition, then, otherwise] = [
        write(args[0]!, "mask"),
        ...args.slice(1).map((arg) => write(arg, own as CppValueType)),
      ];
      if (own === "float" && !isLazy) return call("dream::math::choose", [condition!, then!, otherwise!]);
      return {
        text: `${within(condition!, binds.or)} ? ${within(then!, binds.or)} : ${within(otherwise!, binds.conditional)}`,
        binding: binds.conditional,
      };
    }
    case "randomUniform":
    case "randomNormal":
      return call(`dream::math::${fn}`, [primary("seed"), ...all("integer")]);
    case "toInteger":
      return call("dream::math::toInteger", all(met));
    case "floorDivide":
      return call("dream::math::floorDivide", all("integer"));
    case "max":
    case "min":
    case "abs":
    case "sign":
      return call(mathNames[fn], all(own as CppValueType));
    default:
      return call(mathNames[fn] ?? `dream::math::${fn}`, all("float"));
  }
}

const mathNames: { readonly [F in NodeFunction]?: string } & {
  readonly [F in "max" | "min" | "abs" | "sign"]: string;
} = {
  max: "dream::math::maximum",
  min: "dream::math::minimum",
  abs: "dream::math::abs",
  sign: "dream::math::sign",
};

const call = (fn: string, args: readonly Piece[]): Piece =>
  primary(`${fn}(${args.map(({ text }) => text).join(", ")})`);

const signs = {
  add: ["+", binds.sum],
  sub: ["-", binds.sum],
  mul: ["*", binds.product],
  div: ["/", binds.product],
  less: ["<", binds.order],
  lessEqual: ["<=", binds.order],
  equal: ["==", binds.equality],
  and: ["&", binds.and],
  or: ["|", binds.or],
} as const;

function infix(fn: keyof typeof signs, [left, right]: readonly Piece[]): Piece {
  const [sign, binding] = signs[fn];
  // Comparisons beside & and | get parentheses, which g++ would else ask for.
  const side = (piece: Piece, least: number): string => {
    const isMixed = (fn === "and" || fn === "or") && piece.binding < binds.unary && piece.binding !== binding;
    return isMixed ? `(${piece.text})` : within(piece, least);
  };
  return { text: `${side(left!, binding)} ${sign} ${side(right!, binding + 1)}`, binding };
}

/** What a value is called that has no name of its own. */
export const valueNames: { readonly [F in NodeFunction]: string } = {
  add: "sum",
  sub: "difference",
  mul: "product",
  div: "quotient",
  neg: "negated",
  abs: "size",
  sign: "sign",
  max: "larger",
  min: "smaller",
  pow: "power",
  exp: "exponential",
  log: "logarithm",
  sqrt: "root",
  rsqrt: "inverseRoot",
  tanh: "tangent",
  erf: "errorFunction",
  sin: "sine",
  cos: "cosine",
  floor: "whole",
  sigmoid: "logistic",
  less: "isLess",
  lessEqual: "isAtMost",
  equal: "isEqual",
  and: "both",
  or: "either",
  not: "isNot",
  select: "chosen",
  roundToBf16: "rounded",
  toInteger: "integer",
  floorDivide: "quotient",
  randomUniform: "uniform",
  randomNormal: "normal",
};

/** Rough cost of a function in additions, for deciding how much work is worth a thread. */
export const costOf = (fn: NodeFunction): number => costs[fn] ?? 1;
const costs: { readonly [F in NodeFunction]?: number } = {
  div: 4,
  pow: 40,
  exp: 10,
  log: 12,
  sqrt: 4,
  rsqrt: 6,
  tanh: 20,
  erf: 20,
  sin: 20,
  cos: 20,
  sigmoid: 15,
  floorDivide: 10,
  randomUniform: 40,
  randomNormal: 80,
};
