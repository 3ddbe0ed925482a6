// Host expressions as C++ expressions: doubles that behave as JavaScript's numbers do. What C++ does otherwise
// (`%`, `**`, rounding, text of numbers, truth of numbers) is a function of the runtime's host.h.
import type { HostExpression, HostVariable, MathFunction } from "../../src/ir/host.js";
import { cppBoolean, cppDouble, cppInteger, cppString } from "../cpp-text.js";
import { type ConfigTypes, typeOf } from "./host-type.js";

export interface ExpressionNames {
  readonly config: ConfigTypes;
  nameOf(variable: HostVariable): string;
  configName(path: string): string;
  loaderName(loader: string): string;
}

/** How tightly a piece of C++ binds; a looser one inside a tighter one gets parentheses. */
const binds = { primary: 16, unary: 15, product: 13, sum: 12, order: 10, equality: 9, and: 5, or: 4, conditional: 3 };

interface Piece {
  readonly text: string;
  readonly binding: number;
}

export const writeExpression = (expression: HostExpression, names: ExpressionNames): string =>
  write(expression, names).text;

/** What an `if` or a loop asks: numbers and strings are tested as JavaScript tests them. */
export function writeCondition(expression: HostExpression, names: ExpressionNames): string {
  return writeTruth(expression, names).text;
}

/** The text of a value, as JavaScript's String() gives it: always a std::string. */
export function writeText(expression: HostExpression, names: ExpressionNames): string {
  return textPiece(expression, names).text;
}

const primary = (text: string): Piece => ({ text, binding: binds.primary });
const call = (fn: string, ...args: readonly string[]): Piece => primary(`${fn}(${args.join(", ")})`);
const within = (piece: Piece, binding: number): string => (piece.binding < binding ? `(${piece.text})` : piece.text);

function write(expression: HostExpression, names: ExpressionNames): Piece {
  const inner = (operand: HostExpression): string => write(operand, names).text;
  switch (expression.kind) {
    case "literal":
      return writeLiteral(expression.value);
    case "config":
      return primary(names.configName(expression.path));
    case "read":
      return primary(names.nameOf(expression.variable));
    case "unary":
      return writeUnary(expression, names);
    case "binary":
      return writeBinary(expression, names);
    case "conditional": {
      const condition = within(writeTruth(expression.condition, names), binds.or);
      const [then, otherwise] = [expression.then, expression.otherwise].map((side) => write(side, names));
      return {
        text: `${condition} ? ${within(then!, binds.or)} : ${within(otherwise!, binds.conditional)}`,
        binding: binds.conditional,
      };
    }
    case "math":
      return writeMath(expression.fn, expression.args.map(inner));
    case "toFixed":
      return call("dream::host::toFixed", inner(expression.value), cppInteger(expression.digits));
    case "item":
      return primary(`${names.nameOf(expression.tensor)}.item()`);
    case "character":
      return call("dream::host::character", inner(expression.code));
    case "placement":
      throw new Error("a placement is still to be decided");
    case "numBatches":
      return call("run.numBatches", names.loaderName(expression.loader));
    case "query":
      return call(queries[expression.query], ...expression.args.map(inner));
  }
}

const queries = {
  shouldStop: "run.shouldStop",
  worldSize: "run.worldSize",
  seconds: "run.seconds",
  isFinite: "std::isfinite",
  isNaN: "std::isnan",
} as const;

function writeLiteral(value: number | boolean | string): Piece {
  if (typeof value === "boolean") return primary(cppBoolean(value));
  if (typeof value === "string") return call("std::string", cppString(value));
  return { text: cppDouble(value), binding: value < 0 || Object.is(value, -0) ? binds.unary : binds.primary };
}

function writeUnary({ operator, operand }: HostExpression & { kind: "unary" }, names: ExpressionNames): Piece {
  if (operator === "!") {
    return { text: `!${within(writeTruth(operand, names), binds.primary)}`, binding: binds.unary };
  }
  const number = within(writeNumber(operand, names), binds.primary);
  return operator === "+" ? { text: number, binding: binds.primary } : { text: `-${number}`, binding: binds.unary };
}

const infix = {
  "+": ["+", binds.sum],
  "-": ["-", binds.sum],
  "*": ["*", binds.product],
  "/": ["/", binds.product],
  "<": ["<", binds.order],
  "<=": ["<=", binds.order],
  ">": [">", binds.order],
  ">=": [">=", binds.order],
  "===": ["==", binds.equality],
  "!==": ["!=", binds.equality],
} as const;

function writeBinary(expression: HostExpression & { kind: "binary" }, names: ExpressionNames): Piece {
  const { operator, left, right } = expression;
  switch (operator) {
    case "%":
      return call("dream::host::remainder", writeNumber(left, names).text, writeNumber(right, names).text);
    case "**":
      return call("dream::host::power", writeNumber(left, names).text, writeNumber(right, names).text);
    case "&&":
    case "||":
      return writeLogical(operator, left, right, names);
    case "===":
    case "!==":
      // Values of two types are never equal; whoever wrote the program meant it to be asked all the same.
      if (typeOf(left, names.config) !== typeOf(right, names.config)) return primary(cppBoolean(operator === "!=="));
      return writeInfix(operator, write(left, names), write(right, names));
    case "+":
      if (typeOf(expression, names.config) === "string")
        return writeInfix("+", textPiece(left, names), textPiece(right, names));
      return writeInfix("+", writeNumber(left, names), writeNumber(right, names));
    case "-":
    case "*":
    case "/":
      return writeInfix(operator, writeNumber(left, names), writeNumber(right, names));
    default: {
      const bothStrings = typeOf(left, names.config) === "string" && typeOf(right, names.config) === "string";
      const side = bothStrings ? write : writeNumber;
      return writeInfix(operator, side(left, names), side(right, names));
    }
  }
}

function writeInfix(operator: keyof typeof infix, left: Piece, right: Piece): Piece {
  const [sign, binding] = infix[operator];
  return { text: `${within(left, binding)} ${sign} ${within(right, binding + 1)}`, binding };
}

/** On booleans C++ and JavaScript agree; on numbers and strings the value of one side is the result. */
function writeLogical(
  operator: "&&" | "||",
  left: HostExpression,
  right: HostExpression,
  names: ExpressionNames,
): Piece {
  if (typeOf(left, names.config) === "boolean" && typeOf(right, names.config) === "boolean") {
    const binding = operator === "&&" ? binds.and : binds.or;
    // g++ warns of `&&` inside `||` without parentheses, so each gets its own.
    const [a, b] = [left, right].map((side) => {
      const piece = write(side, names);
      const mixed = piece.binding <= binds.and && piece.binding !== binding;
      return mixed ? `(${piece.text})` : within(piece, binding);
    });
    return { text: `${a} ${operator} ${b}`, binding };
  }
  const condition = within(writeTruth(left, names), binds.or);
  const [whenTrue, whenFalse] = operator === "&&" ? [right, left] : [left, right];
  return {
    text: `${condition} ? ${within(write(whenTrue, names), binds.or)} : ${within(write(whenFalse, names), binds.conditional)}`,
    binding: binds.conditional,
  };
}

function writeTruth(expression: HostExpression, names: ExpressionNames): Piece {
  const piece = write(expression, names);
  return typeOf(expression, names.config) === "boolean" ? piece : call("dream::host::truthy", piece.text);
}

/** Booleans count as 0 and 1; strings do not become numbers. */
function writeNumber(expression: HostExpression, names: ExpressionNames): Piece {
  const type = typeOf(expression, names.config);
  const piece = write(expression, names);
  if (type === "number") return piece;
  if (type === "boolean") return call("double", piece.text);
  throw new TypeError(`a ${type} stands where a number is needed`);
}

function textPiece(expression: HostExpression, names: ExpressionNames): Piece {
  const piece = write(expression, names);
  return typeOf(expression, names.config) === "string" ? piece : call("dream::host::text", piece.text);
}

/** C++'s own functions where they agree with JavaScript's on every double, else the runtime's. */
const mathNames: { readonly [F in Exclude<MathFunction, "max" | "min">]: string } = {
  abs: "std::fabs",
  ceil: "std::ceil",
  cos: "std::cos",
  exp: "std::exp",
  floor: "std::floor",
  log: "std::log",
  log2: "std::log2",
  log10: "std::log10",
  pow: "dream::host::power",
  round: "dream::host::round",
  sign: "dream::host::sign",
  sin: "std::sin",
  sqrt: "std::sqrt",
  tan: "std::tan",
  tanh: "std::tanh",
  trunc: "std::trunc",
};

function writeMath(fn: MathFunction, args: readonly string[]): Piece {
  if (fn === "max" || fn === "min") return primary(`dream::host::${fn}({${args.join(", ")}})`);
  return call(mathNames[fn], ...args);
}
