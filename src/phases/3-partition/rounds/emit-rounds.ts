// One op in rounds: in each, a piece of one letter. The next piece is sent on before this one is worked on, and sums that
// travel are received after the work, so that what moves and what computes overlap. Within a round only the letter's
// piece is another rank's; every other letter is this rank's own.
import { localPlaceOf } from "../../../ir/build.js";
import type { Choice, LocalValue, Move, MoveStep, OpStep, Step } from "../../../ir/graph.js";
import {
  dimOf,
  dimSplit,
  letterSplit,
  type NeutralFill,
  neutralFills,
  resultPlacements,
  resultTurns,
} from "../../../ir/local-typing.js";
import type { MeshFacts } from "../../../ir/mesh-facts.js";
import { placementAfter, turnAfter } from "../../../ir/move-type.js";
import { cutOf, plainCut, samePlacement, withoutPartial } from "../../../ir/placement.js";
import { showPlacement } from "../../../ir/placement-text.js";
import { replaceInSteps } from "../../../ir/steps.js";
import { add } from "../../../ops/table.js";
import type { Rounds } from "./find-rounds.js";
import { LocalEmitter } from "./local-emitter.js";

/** What one list of steps has of pieces that went around: readers of the same phase share them. */
export type Travelled = Map<string, LocalValue>;

export interface Emission {
  readonly facts: MeshFacts;
  readonly newId: () => number;
  readonly travelled: Travelled;
  /** What must stand in the padding of pieces that go around, for any of their readers: so one journey is enough. */
  readonly fills: ReadonlyMap<MoveStep, readonly NeutralFill[]>;
}

/** The fills that the readers of each gather need. */
export function fillsByGather(all: Iterable<Rounds>, facts: MeshFacts): ReadonlyMap<MoveStep, readonly NeutralFill[]> {
  const fills = new Map<MoveStep, readonly NeutralFill[]>();
  for (const { step, letters, choice, inputs } of all)
    for (const fill of neutralFills(step.op, step.attrs, letters, choice, facts)) {
      const coming = inputs[fill.input]!;
      if (coming.kind === "travels") fills.set(coming.gather, [...(fills.get(coming.gather) ?? []), fill]);
    }
  // Where readers need different things, each fills what has come.
  const isAgreed = (fill: NeutralFill, _: number, list: readonly NeutralFill[]): boolean =>
    list.every((other) => other.dim !== fill.dim || other.fill === fill.fill);
  return new Map([...fills].map(([gather, list]) => [gather, list.filter(isAgreed)] as const));
}

export function emitRounds(rounds: Rounds, emission: Emission): readonly Step<"local">[] {
  return new RoundsEmitter(rounds, emission).emit();
}

/** What a sum is at home: what the scatter made, or what is then done on parts. */
export function homeOf({ outputs, step }: Rounds, output: number): LocalValue {
  const going = outputs[output]!;
  if (going.kind !== "comes home") throw new Error("only sums come home");
  const { links, move, dim, split } = going.scatter;
  if (links.length === 0) return move.outputs[0];
  const { placement, ...value } = step.outputs[output]!;
  const dims = placement.dims.map((old, d) => (d === dim ? split : old));
  return { ...value, placement: withoutPartial({ dims, partial: placement.partial }, move.move.axis) };
}

const own: Omit<Move, "what" | "axis" | "dim"> = { to: -1, reduction: "sum", ...plainCut };

class RoundsEmitter {
  private readonly steps: Step<"local">[] = [];
  private readonly step: OpStep<"local">;
  constructor(
    private readonly rounds: Rounds,
    private readonly emission: Emission,
  ) {
    this.step = rounds.step;
  }

  emit(): readonly Step<"local">[] {
    const { degree, outputs } = this.rounds;
    // Sums end where they began their way, so the last piece is this rank's own; what is merged begins with its own.
    const first = outputs.some(({ kind }) => kind === "comes home") && !this.travels ? 1 : 0;
    let merged: readonly LocalValue[] | null = null;
    const sums = new Map<number, LocalValue>();
    const pieces = new Map<number, readonly LocalValue[]>();
    for (let round = 0; round < degree; round++) {
      const by = (first + round) % degree;
      const inputs = this.step.inputs.map((value, i) => this.piece(value, i, by));
      if (round < degree - 1) this.sendOn(by + 1);
      // What comes in was sent before; it is waited for only when this round's part of the sum is there.
      const arrived = new Map([...sums].map(([o, sum]) => [o, this.permuted(sum)]));
      const results = this.work(inputs, by);
      pieces.set(by, results);
      outputs.forEach(({ kind }, o) => {
        if (kind !== "comes home") return;
        const sum = arrived.get(o);
        sums.set(o, sum ? this.small((g) => g.emit(add, [sum, results[o]!], {}))[0]! : results[o]!);
      });
      merged = merged ? this.merge(merged, results) : results;
    }
    const renamed = new Map<number, LocalValue>();
    outputs.forEach((going, o) => {
      if (going.kind === "merged") this.stands(merged![o]!, this.step.outputs[o]!, renamed);
      else if (going.kind === "joined")
        this.join(
          Array.from({ length: degree }, (_, by) => pieces.get(by)![o]!),
          this.step.outputs[o]!,
          o,
        );
      else {
        const sum = sums.get(o)!;
        this.stands(sum.turn ? this.permuted(sum) : sum, homeOf(this.rounds, o), renamed);
      }
    });
    return replaceInSteps(this.steps, (value) => renamed.get(value.id) ?? value);
  }

  private get travels(): boolean {
    return this.rounds.inputs.some(({ kind }) => kind === "travels");
  }

  /** `value` is what readers know as `known`. */
  private stands(value: LocalValue, known: LocalValue, renamed: Map<number, LocalValue>): void {
    if (!samePlacement(value.placement, known.placement) || value.turn)
      throw new Error(
        `rounds of ${this.step.op.name} make ${showPlacement(value.placement)}, not ${showPlacement(known.placement)}`,
      );
    renamed.set(value.id, known);
  }

  /** The part of an input that belongs to the rank `by` places before. */
  private piece(value: LocalValue, index: number, by: number): LocalValue {
    const coming = this.rounds.inputs[index]!;
    if (coming.kind === "whole") return value;
    const { op, attrs } = this.step;
    const fills = neutralFills(op, attrs, this.rounds.letters, this.rounds.choice, this.emission.facts).filter(
      ({ input }) => input === index,
    );
    if (coming.kind === "travels") return this.filled(this.around(coming.gather, by), fills);
    const dim = this.dimOf(index);
    const term = this.rounds.letters.inputs[index]![dim]!;
    const letterSize = this.rounds.letters.sizes.get(this.rounds.letter)!;
    const split = dimSplit(term, letterSize, letterSplit(this.rounds.choice, this.rounds.letter), this.emission.facts);
    return this.filled(
      this.move({ what: "slice", axis: this.rounds.axis, dim, ...own, ...cutOf(split), by }, value),
      fills,
    );
  }

  /** Begins what the next round needs. */
  private sendOn(by: number): void {
    this.rounds.inputs.forEach((coming) => {
      if (coming.kind === "travels") this.around(coming.gather, by);
    });
  }

  /** Padding of a piece goes around with it. */
  private around(gather: MoveStep, by: number): LocalValue {
    if (by === 0) return this.filled(gather.inputs[0], this.emission.fills.get(gather) ?? []);
    const before = this.around(gather, by - 1);
    return this.once(`${before.id} on`, () => this.permuted(before));
  }

  private filled(value: LocalValue, fills: readonly NeutralFill[]): LocalValue {
    return fills.reduce((now, { dim, fill }) => (now.filled[dim] === fill ? now : this.fill(now, dim, fill)), value);
  }

  private fill(value: LocalValue, dim: number, fill: number): LocalValue {
    return this.once(`${value.id} fill ${dim} ${fill}`, () => {
      const filled = value.filled.map((old, d) => (d === dim ? fill : old));
      const after: LocalValue = { ...value, id: this.emission.newId(), filled };
      this.steps.push({ kind: "fill", dim, fill, inputs: [value], outputs: [after], ...localPlaceOf(this.step) });
      return after;
    });
  }

  private once(key: string, make: () => LocalValue): LocalValue {
    const inPhase = this.rounds.keepsPieces ? key : `${this.step.phase} ${key}`;
    const known = this.emission.travelled.get(inPhase);
    if (known) return known;
    const made = make();
    this.emission.travelled.set(inPhase, made);
    return made;
  }

  private join(inputs: readonly LocalValue[], after: LocalValue, output: number): void {
    const { axis, letter, letters } = this.rounds;
    const dim = dimOf(letters.outputs[output]!, letter);
    this.steps.push({ kind: "join", axis, dim, inputs, outputs: [after], ...localPlaceOf(this.step) });
  }

  private permuted(value: LocalValue): LocalValue {
    return this.move({ what: "permute", axis: this.rounds.axis, dim: -1, ...own }, value);
  }

  private move(move: Move, before: LocalValue): LocalValue {
    const { facts, newId } = this.emission;
    const placement = placementAfter(move, before.placement, before.type.shape, facts);
    const { turn: _, ...value } = before;
    const turn = turnAfter(move, before, placement, facts);
    const filled = move.what === "permute" ? before.filled : before.filled.map(() => null);
    const after: LocalValue = { ...value, id: newId(), placement, filled, ...(turn ? { turn } : {}) };
    this.steps.push({ kind: "move", move, inputs: [before], outputs: [after], ...localPlaceOf(this.step) });
    return after;
  }

  private work(inputs: readonly LocalValue[], by: number): readonly LocalValue[] {
    const { axis, letter, letters, degree } = this.rounds;
    const choice: Choice = { ...this.rounds.choice, turn: { axis, letter, by } };
    const placements = resultPlacements(this.step.op, letters, choice, this.emission.facts);
    const turns = resultTurns(letters, placements, choice, degree);
    const outputs = this.step.outputs.map((value, o): LocalValue => {
      const made = { ...value, id: this.emission.newId(), placement: placements[o]! };
      return turns[o] ? { ...made, turn: turns[o] } : made;
    });
    this.steps.push({ ...this.step, choice, inputs, outputs });
    return outputs;
  }

  /** Results of pieces so far and of one more. Those that are not merged are handed back. */
  private merge(a: readonly LocalValue[], b: readonly LocalValue[]): readonly LocalValue[] {
    const isMerged = (o: number): boolean => this.rounds.outputs[o]!.kind === "merged";
    if (!a.some((_, o) => isMerged(o))) return a;
    const merge = this.step.op.merge(this.rounds.letter);
    if (merge) return this.small((g) => merge(g, a, b) as readonly LocalValue[]);
    return a.map((value, o) => (isMerged(o) ? this.small((g) => g.emit(add, [value, b[o]!], {}))[0]! : value));
  }

  private small(make: (g: LocalEmitter) => readonly LocalValue[]): readonly LocalValue[] {
    const emitter = new LocalEmitter(this.step, this.emission.facts, this.emission.newId);
    const results = make(emitter);
    this.steps.push(...emitter.steps);
    return results;
  }

  private dimOf(index: number): number {
    return dimOf(this.rounds.letters.inputs[index]!, this.rounds.letter);
  }
}
