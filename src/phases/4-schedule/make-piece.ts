// Makes one op's kernel over views. A letter of the op is split into as many letters as some operand's dim has parts, so
// that every operand is read with strides; an operand whose parts do not fit the others' is copied first.
import { apply, constant, input, type KernelPass, type Scalar } from "../../ir/kernel.js";
import type { Amount, LaunchOrigin, RankNumber } from "../../ir/scheduled.js";
import { divides, plus, quotient, sameAmount, times } from "./amounts.js";
import type { Lowering } from "./lowering.js";
import { flopsOf, scalarsOf, visitScalars } from "./scalars.js";
import { joined, partsByLetter, wholeView } from "./views.js";
import type { Access, KernelPiece, Letter, Linear, Part, Tensor, View } from "./work.js";

export interface PieceOf {
  readonly outer: readonly string[];
  readonly inner: readonly string[];
  readonly sizes: ReadonlyMap<string, Amount>;
  readonly passes: readonly KernelPass[];
  /** Terms: per dim its letters, outermost first. */
  readonly inputs: readonly { readonly view: View; readonly term: readonly (readonly string[])[] }[];
  readonly outputs: readonly { readonly tensor: Tensor; readonly term: readonly (readonly string[])[] }[];
  readonly numbers: ReadonlyMap<string, RankNumber>;
  readonly from: LaunchOrigin;
}

/** The piece, behind those that copy operands for it. */
export function makePiece(of: PieceOf, lowering: Lowering): readonly KernelPiece[] {
  const { own, computed } = readsBy(of.passes, of.inputs.length);
  const copies: KernelPiece[] = [];
  const inputs = of.inputs.map((each) => ({ ...each, parts: null as ReadonlyMap<string, readonly Part[]> | null }));
  const cuts = new Map([...of.sizes].map(([letter, size]) => [letter, new Cuts(size, lowering.one)]));
  inputs.forEach((each, i) => {
    if (!own.has(i)) return;
    const parts = letterParts(each.view, each.term, of.sizes);
    const fits = parts !== null && [...parts].every(([letter, list]) => cuts.get(letter)!.accept(list));
    if (fits) {
      each.parts = parts;
      return;
    }
    const copy = copyOf(each.view, of.from, lowering);
    copies.push(copy.piece);
    each.view = copy.view;
    each.parts = letterParts(copy.view, each.term, of.sizes);
  });
  const letters = new Map<string, Linear>();
  const split = new Map<string, readonly { readonly letter: Letter; readonly step: Amount }[]>();
  for (const name of [...of.outer, ...of.inner]) {
    const pieces = cuts.get(name)!.letters(name);
    split.set(name, pieces);
    letters.set(name, { offset: lowering.zero, terms: new Map(pieces.map(({ letter, step }) => [letter, step])) });
  }
  const lettersOf = (names: readonly string[]): readonly Letter[] =>
    names.flatMap((name) => split.get(name)!.map(({ letter }) => letter));
  const reads = inputs.map(({ view, parts }, i) => {
    const isComputed = computed.has(i);
    if (!own.has(i) || parts === null) return { view, access: null, isComputed };
    const dims = view.offset.map((offset) => ({ offset, terms: new Map<Letter, Amount>() }));
    for (const [name, list] of parts) {
      let inside = lowering.one;
      for (const part of [...list].reverse()) {
        const end = times(inside, part.size);
        if (part.dim >= 0)
          for (const { letter, step } of split.get(name) ?? [])
            if (isWithin(step, letter.size, inside, end)) {
              const { terms } = dims[part.dim]!;
              const move = times(quotient(step, inside), part.step);
              terms.set(letter, terms.has(letter) ? plus(terms.get(letter)!, move) : move);
            }
        inside = end;
      }
    }
    return { view, access: { tensor: view.tensor, dims }, isComputed };
  });
  const writes = of.outputs.map(
    ({ tensor, term }): Access => ({
      tensor,
      dims: term.map((names) => mergedLetters(names, letters, of.sizes, lowering)),
    }),
  );
  const flops = scalarsOf(of.passes).reduce((sum, scalar) => sum + flopsOf(scalar), 0);
  const piece: KernelPiece = {
    kind: "piece",
    outer: lettersOf(of.outer),
    inner: lettersOf(of.inner),
    letters,
    passes: lettersOf(of.inner).length === 0 ? of.passes.map(overOnePlace) : of.passes,
    reads,
    writes,
    numbers: of.numbers,
    flops,
    from: of.from,
  };
  return [...copies, piece];
}

/** A reduction of one place is that place. */
const overOnePlace = (pass: KernelPass): KernelPass =>
  pass.kind === "reduce"
    ? { kind: "let", name: pass.name, value: pass.of }
    : pass.kind === "store"
      ? { ...pass, over: "outer" }
      : pass;

/** Whether a letter with this step and size is a digit between `inside` and `end`. */
const isWithin = (step: Amount, size: Amount, inside: Amount, end: Amount): boolean =>
  divides(step, inside) && divides(end, times(step, size));

/** Inputs that are read at the kernel's own letters, and those that are read at computed places. */
function readsBy(
  passes: readonly KernelPass[],
  numInputs: number,
): { readonly own: ReadonlySet<number>; readonly computed: ReadonlySet<number> } {
  const own = new Set<number>();
  const computed = new Set<number>();
  for (const scalar of scalarsOf(passes))
    visitScalars(scalar, (each) => {
      if (each.kind !== "input") return;
      if (each.input >= numInputs) throw new Error("a kernel reads an operand that it does not have");
      (each.at === undefined || each.at.length === 0 ? own : computed).add(each.input);
    });
  return { own, computed };
}

/** The parts of the letters that have any; null where a dim cannot be cut at its letters. */
function letterParts(
  view: View,
  term: readonly (readonly string[])[],
  sizes: ReadonlyMap<string, Amount>,
): ReadonlyMap<string, readonly Part[]> | null {
  const parts = partsByLetter(view, term, sizes);
  return parts && new Map([...parts].filter(([, own]) => own.length > 0));
}

/** Where a letter is cut into several: sizes of what is inside each cut, each a multiple of the one before. */
class Cuts {
  private readonly inside: Amount[];
  constructor(
    private readonly size: Amount,
    one: Amount,
  ) {
    this.inside = [one];
  }

  accept(parts: readonly Part[]): boolean {
    const added: Amount[] = [];
    let inside = parts.at(-1)!.size;
    for (const part of [...parts].reverse().slice(1)) {
      added.push(inside);
      inside = times(inside, part.size);
    }
    const all = [...this.inside];
    for (const cut of added) if (!all.some((each) => sameAmount(each, cut))) all.push(cut);
    all.sort((a, b) => a[0]! - b[0]!);
    const isChain = all.every((cut, i) => i === 0 || divides(cut, all[i - 1]!)) && divides(this.size, all.at(-1)!);
    if (!isChain) return false;
    this.inside.splice(0, this.inside.length, ...all);
    return true;
  }

  /** Outermost first. */
  letters(hint: string): readonly { readonly letter: Letter; readonly step: Amount }[] {
    const ends = [...this.inside.slice(1), this.size];
    return this.inside
      .map((step, i) => ({ letter: { hint, size: quotient(ends[i]!, step) }, step }))
      .filter(({ letter }) => letter.size.some((size) => size !== 1))
      .reverse();
  }
}

/** The index along a dim that merges letters. */
function mergedLetters(
  names: readonly string[],
  letters: ReadonlyMap<string, Linear>,
  sizes: ReadonlyMap<string, Amount>,
  lowering: Lowering,
): Linear {
  const terms = new Map<Letter, Amount>();
  let inside = lowering.one;
  for (const name of [...names].reverse()) {
    for (const [letter, step] of letters.get(name)!.terms) terms.set(letter, times(step, inside));
    inside = times(inside, sizes.get(name)!);
  }
  return { offset: lowering.zero, terms };
}

/** A tensor of the view's own, and the kernel that fills it. */
export function copyOf(
  view: View,
  from: LaunchOrigin,
  lowering: Lowering,
  tensor: Tensor = lowering.tensor(view.tensor.name, view.tensor.dtype, view.shape),
): { readonly piece: KernelPiece; readonly view: View } {
  const dims = view.offset.map((offset) => ({ offset, terms: new Map<Letter, Amount>() }));
  const outer: Letter[] = [];
  const writes = view.dims.map((parts): Linear => {
    const terms = new Map<Letter, Amount>();
    let inside = lowering.one;
    const own: Letter[] = [];
    for (const part of [...joined(parts)].reverse()) {
      const letter: Letter = { hint: "n", size: part.size };
      own.unshift(letter);
      terms.set(letter, inside);
      inside = times(inside, part.size);
      if (part.dim >= 0) {
        const target = dims[part.dim]!.terms;
        target.set(letter, part.step);
      }
    }
    outer.push(...own);
    return { offset: lowering.zero, terms };
  });
  const piece: KernelPiece = {
    kind: "piece",
    outer,
    inner: [],
    letters: new Map(),
    passes: [{ kind: "store", output: 0, over: "outer", value: input(0) }],
    reads: [{ view, access: { tensor: view.tensor, dims }, isComputed: false }],
    writes: [{ tensor, dims: writes }],
    numbers: new Map(),
    flops: 0,
    from,
  };
  return { piece, view: wholeView(tensor, lowering.numVariants) };
}

/** An index along a view's dim as indices along its tensor's dims; scalars of whole numbers. */
export function atTensor(view: View, at: readonly Scalar[], amount: (value: Amount) => Scalar): readonly Scalar[] {
  const found: Scalar[] = view.offset.map((offset) => amount(offset));
  view.dims.forEach((parts, dim) => {
    let inside: Amount | null = null;
    [...parts].reverse().forEach((part, i) => {
      const isOutermost = i === parts.length - 1;
      const whole = at[dim]!;
      const above = inside === null ? whole : apply("floor", apply("div", whole, amount(inside)));
      const digit = isOutermost
        ? above
        : apply("sub", above, apply("mul", amount(part.size), apply("floor", apply("div", above, amount(part.size)))));
      if (part.dim >= 0) found[part.dim] = sum(found[part.dim]!, scaled(digit, amount(part.step)));
      inside = inside === null ? part.size : times(inside, part.size);
    });
  });
  return found;
}

const isConstant = (scalar: Scalar, value: number): boolean => scalar.kind === "constant" && scalar.value === value;
export const sum = (a: Scalar, b: Scalar): Scalar =>
  isConstant(a, 0)
    ? b
    : isConstant(b, 0)
      ? a
      : a.kind === "constant" && b.kind === "constant"
        ? constant(a.value + b.value)
        : apply("add", a, b);
export const scaled = (a: Scalar, by: Scalar): Scalar =>
  isConstant(by, 1)
    ? a
    : isConstant(by, 0)
      ? constant(0)
      : a.kind === "constant" && by.kind === "constant"
        ? constant(a.value * by.value)
        : apply("mul", a, by);
