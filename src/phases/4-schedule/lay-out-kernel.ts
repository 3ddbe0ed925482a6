// A kernel over tensors as a kernel over memory: strides for every operand, letters in the order in which memory is
// walked, neighbours that one stride describes as one letter, and what is read and overwritten as one operand.
import type { Scalar } from "../../ir/kernel.js";
import type { Amount, Kernel, KernelLetter, KernelOperand, ScheduledPass } from "../../ir/scheduled.js";
import { is, most, plus, product, sameAmount, times } from "./amounts.js";
import type { Layouts } from "./choose-layouts.js";
import { mapScalar, scalarOf, scalarsOf, visitScalars } from "./scalars.js";
import type { DraftOperand, KernelJob, Letter, Tensor } from "./work.js";

interface Operand {
  readonly draft: DraftOperand;
  readonly offset: Amount;
  readonly strides: Map<Letter, Amount>;
  readonly atStrides: readonly Amount[];
  role: KernelOperand["role"];
}

export interface LaidOutKernel {
  readonly kernel: Kernel;
  /** Per operand. */
  readonly memory: readonly { readonly tensor: Tensor; readonly offset: Amount }[];
  /** Per operand, which one of the job it was. */
  readonly order: readonly number[];
}

/** `isSameMemory`: whether two tensors lie at one place. */
export function layOutKernel(
  job: KernelJob,
  name: string,
  layouts: Layouts,
  isSameMemory: (a: Tensor, b: Tensor) => boolean,
  numVariants: number,
): LaidOutKernel {
  const zero = product([], numVariants).map(() => 0);
  const all = job.operands.map((draft): Operand => {
    const layout = layouts(draft.tensor);
    const strides = new Map<Letter, Amount>();
    let offset: Amount = zero;
    draft.dims?.forEach((dim, d) => {
      if (!is(dim.offset, 0)) offset = plus(offset, times(dim.offset, layout[d]!));
      for (const [letter, step] of dim.terms) {
        const stride = times(step, layout[d]!);
        const known = strides.get(letter);
        strides.set(letter, known ? plus(known, stride) : stride);
      }
    });
    const atStrides = draft.dims === null ? layout : [];
    return { draft, offset, strides, atStrides, role: draft.role };
  });
  const { operands, index } = overwritten(all, isSameMemory);
  const memo = new Map<Scalar, Scalar>();
  const renamed = job.passes.map((pass): ScheduledPass => {
    const value = renumbered(scalarOf(pass), index, memo);
    if (pass.kind === "reduce") return { ...pass, of: value };
    return pass.kind === "let" ? { ...pass, value } : { ...pass, value, operand: index[pass.operand]! };
  });
  const named = namedLetters(job);
  const outer = merged(walked(job.outer, operands, "outer"), operands, named);
  const inner = merged(walked(job.inner, operands, "inner"), operands, named);
  const letters = new Map([...outer.keys(), ...inner.keys()].map((letter) => [letter, job.letterNames.get(letter)!]));
  const kernelLetters = (sizes: ReadonlyMap<Letter, Amount>): readonly KernelLetter[] =>
    [...sizes].map(([letter, size]) => ({ letter: letters.get(letter)!, size }));
  const names = operandNames(operands);
  const kernel: Kernel = {
    name,
    outer: kernelLetters(outer),
    inner: kernelLetters(inner),
    operands: operands.map(({ draft, strides, atStrides, role }, i) => ({
      name: names[i]!,
      dtype: draft.tensor.dtype,
      role,
      strides: Object.fromEntries(
        [...letters].flatMap(([each, text]) => {
          const stride = strides.get(each);
          return stride === undefined || is(stride, 0) ? [] : [[text, stride]];
        }),
      ),
      atStrides,
    })),
    numbers: job.numbers,
    passes: renamed,
    from: job.from,
  };
  return {
    kernel,
    memory: operands.map(({ draft, offset }) => ({ tensor: draft.tensor, offset })),
    order: operands.map((operand) => all.indexOf(operand)),
  };
}

/** A read and a write of the same places become one operand. */
function overwritten(all: readonly Operand[], isSameMemory: (a: Tensor, b: Tensor) => boolean) {
  const operands: Operand[] = [];
  const index = new Array<number>(all.length).fill(-1);
  const writes = all.filter(({ draft }) => draft.role === "write");
  all.forEach((operand, i) => {
    if (operand.draft.role === "write") return;
    const write = writes.find(({ draft }) => isSameMemory(draft.tensor, operand.draft.tensor));
    if (!write) {
      index[i] = operands.push(operand) - 1;
      return;
    }
    if (operand.draft.dims === null || !samePlaces(write, operand))
      throw new Error(`a kernel overwrites what it reads elsewhere: ${operand.draft.tensor.name}`);
    write.role = "both";
  });
  all.forEach((operand, i) => {
    if (operand.draft.role === "write") index[i] = operands.push(operand) - 1;
  });
  all.forEach((operand, i) => {
    if (index[i] !== -1) return;
    const write = writes.find(({ draft }) => isSameMemory(draft.tensor, operand.draft.tensor))!;
    index[i] = operands.indexOf(write);
  });
  return { operands, index };
}

function samePlaces(a: Operand, b: Operand): boolean {
  if (!sameAmount(a.offset, b.offset) || a.strides.size !== b.strides.size) return false;
  return [...a.strides].every(([letter, stride]) => {
    const other = b.strides.get(letter);
    return other !== undefined && sameAmount(stride, other);
  });
}

function renumbered(scalar: Scalar, index: readonly number[], memo: Map<Scalar, Scalar>): Scalar {
  return mapScalar(
    scalar,
    (leaf) => {
      if (leaf.kind !== "input") return leaf;
      const at = leaf.at?.map((each) => renumbered(each, index, memo));
      return at ? { kind: "input", input: index[leaf.input]!, at } : { kind: "input", input: index[leaf.input]! };
    },
    memo,
  );
}

/** Letters whose index or extent some expression names: they cannot be merged away. */
function namedLetters(job: KernelJob): ReadonlySet<Letter> {
  const byName = new Map([...job.letterNames].map(([letter, name]) => [name, letter]));
  const named = new Set<Letter>();
  const seen = new Set<Scalar>();
  for (const scalar of scalarsOf(job.passes))
    visitScalars(
      scalar,
      (each) => {
        if (each.kind === "index" || each.kind === "extent") named.add(byName.get(each.letter)!);
      },
      seen,
    );
  return named;
}

/** Letters with long strides first, as the largest written (inner: read) operand has them. */
function walked(letters: readonly Letter[], operands: readonly Operand[], which: "outer" | "inner"): readonly Letter[] {
  const reach = (operand: Operand): number =>
    letters.reduce((n, letter) => (operand.strides.has(letter) ? n * most(letter.size) : n), 1);
  const wanted = operands.filter(({ draft }) => (draft.role === "write") === (which === "outer"));
  const [leader] = [...wanted, ...operands].sort((a, b) => reach(b) - reach(a));
  const stride = (letter: Letter): number => most(leader?.strides.get(letter) ?? [Number.POSITIVE_INFINITY]);
  return letters
    .map((letter, i) => ({ letter, i }))
    .sort((a, b) => stride(b.letter) - stride(a.letter) || a.i - b.i)
    .map(({ letter }) => letter);
}

/** Neighbours become one letter, the inner one with the size of both, where every operand's strides allow. */
function merged(
  letters: readonly Letter[],
  operands: readonly Operand[],
  named: ReadonlySet<Letter>,
): ReadonlyMap<Letter, Amount> {
  const sizes = new Map<Letter, Amount>();
  let last: Letter | undefined;
  for (const letter of letters) {
    const high = last;
    const fits =
      high !== undefined &&
      !named.has(high) &&
      !named.has(letter) &&
      operands.every(({ strides }) => {
        const [far, near] = [strides.get(high), strides.get(letter)];
        if (far === undefined || near === undefined) return far === near;
        return sameAmount(far, times(near, letter.size));
      });
    if (fits) {
      sizes.set(letter, times(letter.size, sizes.get(high)!));
      sizes.delete(high);
    } else sizes.set(letter, letter.size);
    last = letter;
  }
  return sizes;
}

function operandNames(operands: readonly Operand[]): readonly string[] {
  const used = new Set<string>();
  return operands.map(({ draft: { tensor } }) => {
    const text = tensor.name.replace(/[^A-Za-z0-9]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? "");
    const base = /^[A-Za-z]/.test(text) ? text : "x";
    let name = base;
    for (let i = 2; used.has(name); i++) name = `${base}${i}`;
    used.add(name);
    return name;
  });
}
