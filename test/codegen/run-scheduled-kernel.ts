// What a scheduled kernel means: its passes for one point of the outer letters after the other, in float64. Operands that
// are overwritten mean what was there before the kernel ran.
import { meanings } from "../../src/ir/interpret-kernel.js";
import type { Scalar } from "../../src/ir/kernel.js";
import type { Amount, Kernel, KernelLetter } from "../../src/ir/scheduled.js";

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
