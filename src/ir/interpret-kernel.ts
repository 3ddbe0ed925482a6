// Runs a kernel body in float64, one element at a time: what a lowering means. It reads an element of an input only
// where the kernel does, so that a read out of bounds is an error here and not a crash elsewhere.

import { erfOf } from "../ops/elementwise-unary.js";
import type { Factors, Term } from "../ops/factors.js";
import { normalAt, uniformAt } from "../ops/random.js";
import type { KernelBody, Scalar, ScalarFunction } from "./kernel.js";
import { type NdArray, zeros } from "./nd.js";

export interface KernelCall {
  readonly body: KernelBody;
  readonly factors: Factors;
  /** This rank's sizes of letters. */
  readonly sizes: ReadonlyMap<string, number>;
  /** The op's attributes as this rank sees them. */
  readonly attrs: unknown;
  readonly inputs: readonly NdArray[];
}

interface Point {
  readonly call: KernelCall;
  /** Index of each letter, of those that have one here. */
  readonly at: Map<string, number>;
  readonly names: Map<string, number>;
}

/** The op's results. Throws an `Error` where the body reads what is not there. */
export function runKernel(call: KernelCall): readonly NdArray[] {
  const { body, factors, sizes } = call;
  const outputs = factors.outputs.map((term) => zeros(term.map((letters) => product(letters, sizes))));
  const point: Point = { call, at: new Map(), names: new Map() };
  const write = (output: number, value: number): void => {
    const { shape, data } = outputs[output]!;
    data[offset(ownIndices(factors.outputs[output]!, point), shape)] = value;
  };
  forEachPlace(body.outer, point, () => {
    point.names.clear();
    for (const pass of body.passes) {
      if (pass.kind === "let") point.names.set(pass.name, valueOf(pass.value, point));
      else if (pass.kind === "reduce") {
        let total = pass.by === "sum" ? 0 : Number.NEGATIVE_INFINITY;
        forEachPlace(body.inner, point, () => {
          const element = valueOf(pass.of, point);
          total = pass.by === "sum" ? total + element : Math.max(total, element);
        });
        point.names.set(pass.name, total);
      } else if (pass.over === "outer") write(pass.output, valueOf(pass.value, point));
      else forEachPlace(body.inner, point, () => write(pass.output, valueOf(pass.value, point)));
    }
  });
  return outputs;
}

function product(letters: readonly string[], sizes: ReadonlyMap<string, number>): number {
  return letters.reduce((n, letter) => n * sizeOf(letter, sizes), 1);
}

function sizeOf(letter: string, sizes: ReadonlyMap<string, number>): number {
  const size = sizes.get(letter);
  if (size === undefined) throw new Error(`the kernel has no letter ${letter}`);
  return size;
}

/** Visits every place of the letters, the last fastest; they have no index afterwards. */
function forEachPlace(letters: readonly string[], point: Point, visit: () => void): void {
  const [letter, ...rest] = letters;
  if (letter === undefined) {
    visit();
    return;
  }
  const size = sizeOf(letter, point.call.sizes);
  for (let i = 0; i < size; i++) {
    point.at.set(letter, i);
    forEachPlace(rest, point, visit);
  }
  point.at.delete(letter);
}

function indexOf(letter: string, { at }: Point): number {
  const index = at.get(letter);
  if (index === undefined) throw new Error(`letter ${letter} has no index here`);
  return index;
}

const ownIndices = (term: Term, point: Point): readonly number[] =>
  term.map((letters) =>
    letters.reduce((n, letter) => n * sizeOf(letter, point.call.sizes) + indexOf(letter, point), 0),
  );

function offset(indices: readonly number[], shape: readonly number[]): number {
  if (indices.length !== shape.length) throw new Error(`${indices.length} indices for ${shape.length} dims`);
  return indices.reduce((n, index, dim) => {
    if (!(Number.isInteger(index) && index >= 0 && index < shape[dim]!))
      throw new Error(`index ${index} is outside dim ${dim} of [${shape}]`);
    return n * shape[dim]! + index;
  }, 0);
}

function valueOf(scalar: Scalar, point: Point): number {
  switch (scalar.kind) {
    case "input": {
      const { shape, data } = point.call.inputs[scalar.input]!;
      const indices =
        scalar.at?.map((index) => valueOf(index, point)) ?? ownIndices(point.call.factors.inputs[scalar.input]!, point);
      return data[offset(indices, shape)]!;
    }
    case "constant":
      return scalar.value;
    case "attribute":
      return numberAt(point.call.attrs, scalar.path);
    case "index":
      return indexOf(scalar.letter, point);
    case "extent":
      return sizeOf(scalar.letter, point.call.sizes);
    case "name": {
      const value = point.names.get(scalar.name);
      if (value === undefined) throw new Error(`${scalar.name} is read before it is computed`);
      return value;
    }
    case "apply":
      return applied(scalar.fn, scalar.args, point);
  }
}

/** The number at a path of attributes, e.g. `start.1`. Throws an `Error` where there is none. */
export function numberAt(attrs: unknown, path: string): number {
  let now = attrs;
  for (const key of path.split(".")) now = (now as { readonly [key: string]: unknown } | undefined)?.[key];
  if (typeof now !== "number") throw new Error(`the attribute ${path} is not a number`);
  return now;
}

function applied(fn: ScalarFunction, args: readonly Scalar[], point: Point): number {
  if (fn === "select") return valueOf(valueOf(args[0]!, point) !== 0 ? args[1]! : args[2]!, point);
  return meanings[fn](...args.map((arg) => valueOf(arg, point)));
}

const truth = (holds: boolean): number => (holds ? 1 : 0);

/** Functions of scalars but `select`, in float64. */
export const meanings: { readonly [F in Exclude<ScalarFunction, "select">]: (...x: number[]) => number } = {
  add: (a, b) => a! + b!,
  sub: (a, b) => a! - b!,
  mul: (a, b) => a! * b!,
  div: (a, b) => a! / b!,
  neg: (a) => -a!,
  abs: (a) => Math.abs(a!),
  sign: (a) => Math.sign(a!),
  max: (a, b) => Math.max(a!, b!),
  min: (a, b) => Math.min(a!, b!),
  pow: (a, b) => a! ** b!,
  exp: (a) => Math.exp(a!),
  log: (a) => Math.log(a!),
  sqrt: (a) => Math.sqrt(a!),
  rsqrt: (a) => 1 / Math.sqrt(a!),
  tanh: (a) => Math.tanh(a!),
  erf: (a) => erfOf(a!),
  sin: (a) => Math.sin(a!),
  cos: (a) => Math.cos(a!),
  floor: (a) => Math.floor(a!),
  sigmoid: (a) => 1 / (1 + Math.exp(-a!)),
  less: (a, b) => truth(a! < b!),
  lessEqual: (a, b) => truth(a! <= b!),
  equal: (a, b) => truth(a! === b!),
  and: (a, b) => truth(a !== 0 && b !== 0),
  or: (a, b) => truth(a !== 0 || b !== 0),
  not: (a) => truth(a === 0),
  roundToBf16: (a) => roundToBf16(a!),
  toInteger: (a) => Math.trunc(a!),
  randomUniform: (stream, step, round, element) => uniformAt(element!, step!, stream!, round!),
  randomNormal: (stream, step, round, element) => normalAt(element!, step!, stream!, round!),
};

/** The nearest bf16 (8 bits of significand), ties to even. */
export function roundToBf16(x: number): number {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, x);
  const word = bits.getUint32(0);
  if (Number.isNaN(x)) return Number.NaN;
  bits.setUint32(0, (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000);
  return bits.getFloat32(0);
}
