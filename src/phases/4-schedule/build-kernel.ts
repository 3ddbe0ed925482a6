// Writes a group of pieces as one kernel. What a piece reads of another piece of the group, or of a piece that is made
// again wherever it is needed, is that piece's expression at the place of the reader; everything else is an operand.
import { apply, attribute, constant, index, type KernelPass, named, type Scalar } from "../../ir/kernel.js";
import { sameSplit } from "../../ir/placement.js";
import type { Amount, RankNumber, ScheduledPass } from "../../ir/scheduled.js";
import { isUniform, sameAmount } from "./amounts.js";
import { type Group, isElementwise, type Makers, type Member } from "./groups.js";
import { amountScalar, isLinear, lettersAt, linearScalar, type Place, sameLinear, substitute } from "./linear.js";
import { atTensor } from "./make-piece.js";
import { mapScalar, scalarOf } from "./scalars.js";
import type { DraftOperand, KernelJob, KernelPiece, Letter, Linear, Tensor } from "./work.js";

export interface Surroundings {
  readonly makers: Makers;
  /** Tensors that are made again by everyone who reads them. */
  readonly inlined: ReadonlySet<Tensor>;
  /** Whether a tensor must be in memory once the group has run. */
  readonly isStored: (tensor: Tensor, group: Group) => boolean;
}

/** A piece at some place of the kernel. */
interface Frame {
  readonly piece: KernelPiece;
  readonly places: ReadonlyMap<Letter, Place>;
  readonly memo: Map<Scalar, Scalar>;
  /** What its reduces and lets are in the kernel. */
  readonly names: Map<string, Scalar>;
}

export function buildKernel(group: Group, around: Surroundings): KernelJob {
  return new KernelBuilder(group, around).build();
}

class KernelBuilder {
  private readonly letterNames = new Map<Letter, string>();
  private readonly operands: DraftOperand[] = [];
  private readonly operandKeys = new Map<string, number>();
  private readonly numbers: { readonly name: string; readonly value: RankNumber }[] = [];
  private readonly passes: ScheduledPass[] = [];
  private readonly usedNames = new Set<string>();
  private readonly frames = new Map<KernelPiece, Frame>();
  private readonly again = new Map<string, Frame>();
  /** What an output of a member is, for readers at its own place. */
  private readonly values = new Map<Tensor, { readonly value: Scalar; readonly places: readonly Linear[] }>();
  private readonly letterIds = new Map<Letter, number>();
  constructor(
    private readonly group: Group,
    private readonly around: Surroundings,
  ) {
    for (const letter of [...group.outer, ...group.inner]) this.usedNames.add(this.nameLetter(letter));
  }

  build(): KernelJob {
    for (const member of this.group.members) this.addMember(member);
    return {
      kind: "kernel",
      outer: this.group.outer,
      inner: this.group.inner,
      letterNames: this.letterNames,
      operands: this.operands,
      numbers: this.numbers,
      passes: this.passes,
      from: this.group.members.map(({ piece }) => piece.from),
    };
  }

  private nameLetter(letter: Letter): string {
    const taken = new Set(this.letterNames.values());
    const free = [letter.hint, ..."abcdefghijklmnopqrstuvwxyz"].find(
      (name) => /^[a-z]$/.test(name) && !taken.has(name),
    );
    const name = free ?? `letter${taken.size}`;
    this.letterNames.set(letter, name);
    return name;
  }

  private addMember(member: Member): void {
    const { piece, places } = member;
    const frame: Frame = { piece, places, memo: new Map(), names: new Map() };
    this.frames.set(piece, frame);
    for (const pass of piece.passes) {
      const value = this.rewrite(scalarOf(pass), frame);
      if (pass.kind === "store") this.addStore(pass, value, member);
      // What reduces nothing has no rows of its own: a name is its expression.
      else if (piece.inner.length === 0) frame.names.set(pass.name, value);
      else {
        const name = this.fresh(pass.name);
        frame.names.set(pass.name, named(name));
        this.passes.push(
          pass.kind === "reduce" ? { kind: "reduce", name, by: pass.by, of: value } : { kind: "let", name, value },
        );
      }
    }
  }

  private addStore(pass: Extract<KernelPass, { kind: "store" }>, value: Scalar, { piece, places, over }: Member): void {
    const write = piece.writes[pass.output]!;
    const dims = write.dims.map((dim) => substitute(dim, places)!);
    const isRow = piece.inner.length > 0 ? pass.over === "outer" : over === "outer";
    const isPerRow = this.group.inner.length > 0 && isRow;
    let known = value;
    if (isPerRow && value.kind !== "name" && value.kind !== "constant" && value.kind !== "attribute") {
      const name = this.fresh(write.tensor.name === "" ? "row" : write.tensor.name);
      this.passes.push({ kind: "let", name, value });
      known = named(name);
    }
    this.values.set(write.tensor, { value: known, places: dims });
    if (!this.around.isStored(write.tensor, this.group)) return;
    const operand = this.operand({ tensor: write.tensor, role: "write", dims });
    const isOuter = this.group.inner.length === 0 || isPerRow;
    this.passes.push({ kind: "store", operand, over: isOuter ? "outer" : "all", value: known });
  }

  private fresh(hint: string): string {
    const base =
      hint.replace(/[^A-Za-z0-9]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? "") || "value";
    const safe = /^[0-9]/.test(base) ? `row${base}` : base;
    let name = safe;
    for (let i = 2; this.usedNames.has(name); i++) name = `${safe}${i}`;
    this.usedNames.add(name);
    return name;
  }

  private operand(draft: DraftOperand): number {
    const key = `${draft.role} ${draft.tensor.id} ${draft.dims === null ? "at" : draft.dims.map((dim) => this.keyOf(dim)).join()}`;
    const known = this.operandKeys.get(key);
    if (known !== undefined) return known;
    this.operands.push(draft);
    this.operandKeys.set(key, this.operands.length - 1);
    return this.operands.length - 1;
  }

  private keyOf({ offset, terms }: Linear): string {
    const shown = [...terms].map(([letter, step]) => `${this.idOf(letter)}*${step}`).sort();
    return `${offset}+${shown.join("+")}`;
  }

  private idOf(letter: Letter): number {
    const known = this.letterIds.get(letter);
    if (known !== undefined) return known;
    this.letterIds.set(letter, this.letterIds.size);
    return this.letterIds.size - 1;
  }

  /** An expression of a piece in the letters, operands and names of the kernel. */
  private rewrite(scalar: Scalar, frame: Frame): Scalar {
    return mapScalar(
      scalar,
      (leaf) => {
        switch (leaf.kind) {
          case "input":
            return this.read(leaf, frame);
          case "attribute":
            return this.number(leaf.path, frame.piece.numbers.get(leaf.path));
          case "index":
            return this.placeScalar(this.opLetter(leaf.letter, frame));
          case "extent":
            return this.extent(leaf.letter, frame);
          case "name": {
            const name = frame.names.get(leaf.name);
            if (name === undefined) throw new Error(`${leaf.name} is read before it is computed`);
            return name;
          }
          default:
            return leaf;
        }
      },
      frame.memo,
    );
  }

  private opLetter(name: string, { piece, places }: Frame): Place {
    const own = piece.letters.get(name);
    if (!own) throw new Error(`a kernel of ${piece.from.op} has no letter ${name}`);
    return substitute(own, places) ?? this.computed(own, places);
  }

  private computed(linear: Linear, places: ReadonlyMap<Letter, Place>): Scalar {
    return linearScalar(
      linear,
      (letter) => this.placeScalar(places.get(letter)!),
      (amount) => this.amount(amount),
    );
  }

  private placeScalar(place: Place): Scalar {
    if (!isLinear(place)) return place;
    return linearScalar(
      place,
      (letter) => index(this.letterNames.get(letter)!),
      (amount) => this.amount(amount),
    );
  }

  private amount(amount: Amount): Scalar {
    return amountScalar(amount, (value) => this.number("size", { kind: "amount", amount: value }));
  }

  private extent(name: string, { piece }: Frame): Scalar {
    const own = piece.letters.get(name);
    if (!own) throw new Error(`a kernel of ${piece.from.op} has no letter ${name}`);
    const size = [...own.terms.keys()].map((letter) => letter.size);
    const whole = size.reduce((a, b) => a.map((each, v) => each * b[v]!), own.offset.map(() => 1) as Amount);
    return this.amount(whole);
  }

  private number(hint: string, value: RankNumber | undefined): Scalar {
    if (!value) throw new Error(`nobody says what ${hint} is`);
    if (value.kind === "amount" && isUniform(value.amount)) return constant(value.amount[0]!);
    const known = this.numbers.find((each) => sameNumber(each.value, value));
    if (known) return attribute(known.name);
    const name = this.fresh(hint);
    this.numbers.push({ name, value });
    return attribute(name);
  }

  private read(leaf: Extract<Scalar, { kind: "input" }>, frame: Frame): Scalar {
    const { view, access } = frame.piece.reads[leaf.input]!;
    if (leaf.at === undefined || leaf.at.length === 0) {
      if (!access) throw new Error(`${frame.piece.from.op} reads an operand at no place`);
      const places = access.dims.map((dim) => substitute(dim, frame.places) ?? this.computed(dim, frame.places));
      return this.valueAt(access.tensor, places);
    }
    const at = leaf.at.map((scalar) => this.rewrite(scalar, frame));
    return this.valueAt(
      view.tensor,
      atTensor(view, at, (amount) => this.amount(amount)),
    );
  }

  /** An element of a tensor, at these indices. */
  private valueAt(tensor: Tensor, at: readonly Place[]): Scalar {
    const own = this.values.get(tensor);
    if (own?.places.every((place, dim) => isLinear(at[dim]!) && sameLinear(place, at[dim] as Linear))) return own.value;
    if (this.around.inlined.has(tensor)) return this.madeAgain(tensor, at);
    if (own) throw new Error(`${tensor.name} is read by its own kernel at another place`);
    const linear = at.filter(isLinear);
    if (linear.length === at.length) {
      const operand = this.operand({ tensor, role: "read", dims: linear });
      return { kind: "input", input: operand };
    }
    const operand = this.operand({ tensor, role: "read", dims: null });
    return { kind: "input", input: operand, at: at.map((place) => this.placeScalar(place)) };
  }

  /** The expression of an elementwise piece at the place of a reader. */
  private madeAgain(tensor: Tensor, at: readonly Place[]): Scalar {
    const { piece, output } = this.around.makers.get(tensor)!;
    if (!isElementwise(piece)) throw new Error(`${piece.from.op} cannot be made again`);
    const frame = this.frameAt(piece, output, at);
    return this.rewrite(scalarOf(piece.passes[0]!), frame);
  }

  private frameAt(piece: KernelPiece, output: number, at: readonly Place[]): Frame {
    const key = at.every(isLinear)
      ? `${piece.writes[output]!.tensor.id} ${at.map((place) => this.keyOf(place)).join()}`
      : null;
    const known = key === null ? undefined : this.again.get(key);
    if (known) return known;
    const places = new Map<Letter, Place>();
    piece.writes[output]!.dims.forEach((write, dim) => {
      const place = at[dim]!;
      const found = isLinear(place) ? lettersAt(write, place) : null;
      if (found) for (const [letter, linear] of found) places.set(letter, linear);
      else this.dividedLetters(write, this.placeScalar(place), places);
    });
    const frame: Frame = { piece, places, memo: new Map(), names: new Map() };
    if (key !== null) this.again.set(key, frame);
    return frame;
  }

  /** Letters of an index that is any number: quotients and remainders. */
  private dividedLetters(write: Linear, at: Scalar, places: Map<Letter, Place>): void {
    const digits = [...write.terms].sort(([, a], [, b]) => a[0]! - b[0]!);
    for (const [i, [letter, step]] of digits.entries()) {
      const isInnermost = sameAmount(
        step,
        letter.size.map(() => 1),
      );
      const above = isInnermost ? at : apply("floor", apply("div", at, this.amount(step)));
      const size = this.amount(letter.size);
      places.set(
        letter,
        i === digits.length - 1
          ? above
          : apply("sub", above, apply("mul", size, apply("floor", apply("div", above, size)))),
      );
    }
  }
}

function sameNumber(a: RankNumber, b: RankNumber): boolean {
  if (a.kind === "amount") return b.kind === "amount" && sameAmount(a.amount, b.amount);
  if (a.kind === "coordinate") return b.kind === "coordinate" && a.axis === b.axis && a.by === b.by;
  if (a.kind === "round") return b.kind === "round" && a.loop === b.loop && String(a.items) === String(b.items);
  return (
    b.kind === a.kind &&
    a.size === b.size &&
    a.plus === b.plus &&
    a.turn?.axis === b.turn?.axis &&
    a.turn?.by === b.turn?.by &&
    sameSplit(a.split, b.split)
  );
}
