// Runs one kernel of a scheduled program in float64, point by point.
import { meanings } from "./interpret-kernel.js";
import type { Scalar } from "./kernel.js";
import type { Amount, Buffer, Kernel, RankNumber } from "./scheduled.js";

/** What a kernel sees of the rank that it runs on. */
export interface KernelRank {
  of(amount: Amount): number;
  numberOf(value: RankNumber): number;
  read(buffer: Buffer, element: number): number;
  write(buffer: Buffer, element: number, value: number): void;
}

export class KernelRun {
  private readonly at = new Map<string, number>();
  private readonly names = new Map<string, number>();
  private readonly numbers: ReadonlyMap<string, number>;
  private readonly sizes: ReadonlyMap<string, number>;
  private memo = new Map<Scalar, number>();
  private readonly late: (() => void)[] = [];
  constructor(
    private readonly kernel: Kernel,
    private readonly operands: readonly { readonly buffer: Buffer; readonly offset: number }[],
    private readonly rank: KernelRank,
    size: number | null,
  ) {
    this.numbers = new Map(kernel.numbers.map(({ name, value }) => [name, rank.numberOf(value)]));
    this.sizes = new Map(
      [...kernel.outer, ...kernel.inner].map((letter) => [letter.letter, size ?? rank.of(letter.size)]),
    );
  }

  run(): void {
    const { outer, inner, passes } = this.kernel;
    const names = (letters: Kernel["outer"]): readonly string[] => letters.map(({ letter }) => letter);
    this.forEachPlace(names(outer), () => {
      this.names.clear();
      for (const pass of passes) {
        if (pass.kind === "let") this.names.set(pass.name, this.value(pass.value));
        else if (pass.kind === "reduce") {
          let total = pass.by === "sum" ? 0 : Number.NEGATIVE_INFINITY;
          this.forEachPlace(names(inner), () => {
            const element = this.value(pass.of);
            total = pass.by === "sum" ? total + element : Math.max(total, element);
          });
          this.names.set(pass.name, total);
        } else if (pass.over === "outer") this.store(pass.operand, pass.value);
        else this.forEachPlace(names(inner), () => this.store(pass.operand, pass.value));
      }
      for (const write of this.late.splice(0)) write();
    });
  }

  private value(scalar: Scalar): number {
    this.memo = new Map();
    return this.valueOf(scalar);
  }

  private store(operand: number, scalar: Scalar): void {
    if (this.kernel.operands[operand]!.role === "read")
      throw new Error("a kernel writes an operand that it only reads");
    const value = this.value(scalar);
    const [{ buffer }, element] = [this.operands[operand]!, this.element(operand)];
    const write = (): void => this.rank.write(buffer, element, value);
    // What is overwritten is read as it was before, also by later passes.
    if (this.kernel.operands[operand]!.role === "both") this.late.push(write);
    else write();
  }

  private element(operand: number): number {
    let element = this.operands[operand]!.offset;
    for (const [letter, stride] of Object.entries(this.kernel.operands[operand]!.strides)) {
      const place = this.at.get(letter);
      if (place === undefined) throw new Error(`letter ${letter} has no index here`);
      element += place * this.rank.of(stride);
    }
    return element;
  }

  private forEachPlace(letters: readonly string[], visit: () => void): void {
    const [letter, ...rest] = letters;
    if (letter === undefined) {
      visit();
      return;
    }
    const size = this.sizes.get(letter)!;
    for (let i = 0; i < size; i++) {
      this.at.set(letter, i);
      this.forEachPlace(rest, visit);
    }
    this.at.delete(letter);
  }

  private valueOf(scalar: Scalar): number {
    if (scalar.kind === "constant") return scalar.value;
    const known = this.memo.get(scalar);
    if (known !== undefined) return known;
    const value = this.computed(scalar);
    this.memo.set(scalar, value);
    return value;
  }

  private computed(scalar: Exclude<Scalar, { kind: "constant" }>): number {
    const need = (value: number | undefined, what: string): number => {
      if (value === undefined) throw new Error(`${this.kernel.name}: ${what} has no value here`);
      return value;
    };
    switch (scalar.kind) {
      case "input": {
        const { buffer, offset } = this.operands[scalar.input]!;
        if (this.kernel.operands[scalar.input]!.role === "write") throw new Error("a kernel reads what it only writes");
        if (!scalar.at) return this.rank.read(buffer, this.element(scalar.input));
        const strides = this.kernel.operands[scalar.input]!.atStrides;
        if (strides.length !== scalar.at.length) throw new Error(`${scalar.at.length} indices for ${strides.length}`);
        return this.rank.read(
          buffer,
          scalar.at.reduce((n, index, i) => n + this.valueOf(index) * this.rank.of(strides[i]!), offset),
        );
      }
      case "attribute":
        return need(this.numbers.get(scalar.path), `number ${scalar.path}`);
      case "index":
        return need(this.at.get(scalar.letter), `letter ${scalar.letter}`);
      case "extent":
        return need(this.sizes.get(scalar.letter), `letter ${scalar.letter}`);
      case "name":
        return need(this.names.get(scalar.name), scalar.name);
      case "apply": {
        const { fn, args } = scalar;
        if (fn === "select") return this.valueOf(this.valueOf(args[0]!) !== 0 ? args[1]! : args[2]!);
        return meanings[fn](...args.map((arg) => this.valueOf(arg)));
      }
    }
  }
}
