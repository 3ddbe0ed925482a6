// What a scheduled kernel means: its passes for one point of the outer letters after the other, in float64. Operands that
// are overwritten mean what was there before the kernel ran.
import { roundToBf16 } from "../../src/ir/interpret-kernel.js";
import type { Scalar, ScalarFunction } from "../../src/ir/kernel.js";
import type { Amount, Kernel, KernelLetter } from "../../src/ir/scheduled.js";
import { erfOf } from "../../src/ops/elementwise-unary.js";
import { normalAt, uniformAt } from "../../src/ops/random.js";

/** Runs a kernel of one variant on the memory of its operands. */
export function runScheduledKernel(kernel: Kernel, memory: readonly Float64Array[]): void {
  const before = memory.map((elements) => elements.slice());
  const at = new Map<string, number>();
  const names = new Map<string, number>();
  const one = (amount: Amount): number => amount[0]!;
  const sizes = new Map([...kernel.outer, ...kernel.inner].map(({ letter, size }) => [letter, one(size)]));
  const each = (letters: readonly KernelLetter[], visit: () => void): void => {
    const [first, ...rest] = letters;
    if (!first) {
      visit();
      return;
    }
    for (let i = 0; i < one(first.size); i++) {
      at.set(first.letter, i);
      each(rest, visit);
    }
    at.delete(first.letter);
  };
  const placeOf = (operand: number): number =>
    Object.entries(kernel.operands[operand]!.strides).reduce(
      (place, [letter, stride]) => place + (at.get(letter) ?? 0) * one(stride),
      0,
    );
  const store = (operand: number, value: number): void => {
    memory[operand]![placeOf(operand)] = value;
  };
  const evaluate = (scalar: Scalar): number => {
    switch (scalar.kind) {
      case "input": {
        const { atStrides } = kernel.operands[scalar.input]!;
        const place = scalar.at
          ? scalar.at.reduce((sum, index, d) => sum + evaluate(index) * one(atStrides[d]!), 0)
          : placeOf(scalar.input);
        const data = before[scalar.input]!;
        if (!(place >= 0 && place < data.length)) throw new Error(`${kernel.name} reads place ${place}`);
        return data[place]!;
      }
      case "constant":
        return scalar.value;
      case "attribute": {
        const { value } = kernel.numbers.find(({ name }) => name === scalar.path)!;
        if (value.kind !== "amount") throw new Error("only amounts here");
        return one(value.amount);
      }
      case "index":
        return at.get(scalar.letter)!;
      case "extent":
        return sizes.get(scalar.letter)!;
      case "name":
        return names.get(scalar.name)!;
      case "apply": {
        const [a, b, c] = scalar.args;
        if (scalar.fn === "select") return evaluate(evaluate(a!) !== 0 ? b! : c!);
        return meanings[scalar.fn](...scalar.args.map(evaluate));
      }
    }
  };
  each(kernel.outer, () => {
    for (const pass of kernel.passes) {
      if (pass.kind === "let") names.set(pass.name, evaluate(pass.value));
      else if (pass.kind === "store") {
        each(pass.over === "all" ? kernel.inner : [], () => store(pass.operand, evaluate(pass.value)));
      } else {
        let total = pass.by === "sum" ? 0 : Number.NEGATIVE_INFINITY;
        each(kernel.inner, () => {
          const element = evaluate(pass.of);
          total = pass.by === "sum" ? total + element : Math.max(total, element);
        });
        names.set(pass.name, total);
      }
    }
  });
}

const truth = (holds: boolean): number => (holds ? 1 : 0);
const meanings: { readonly [F in Exclude<ScalarFunction, "select">]: (...x: number[]) => number } = {
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
