// Purpose: one graph becomes one for each place on axis pp. A place's list has what is done once before the microbatches,
// its cells in the order of the table, each with the steps of one stage for one microbatch, and what is done once behind.
// What another place makes is received where it is first read; what others read is sent where it is made. Sums over
// microbatches grow with every cell. Needs: steps with homes. Leaves: graphs that send and receive.
import { placeOf, type StepPlace } from "../../../ir/build.js";
import type { GraphInput, LocalGraph, LocalValue, Move, OpStep, RepeatStep, Step } from "../../../ir/graph.js";
import { type Cell, type PipelineShape, placeOfStage } from "../../../ir/pipeline.js";
import { cutOf, plainCut, sameCut } from "../../../ir/placement.js";
import type { State } from "../../../ir/state.js";
import { stepLetters } from "../../../ir/step-letters.js";
import { highestId, makesOf, readsOf } from "../../../ir/steps.js";
import { add } from "../../../ops/elementwise-binary.js";
import { inMicrobatch, instanceOf, type Renames } from "./instance.js";
import { whenDone } from "./when.js";
import type { Assigned, AssignedGraph } from "./work.js";

export interface CutFacts {
  readonly shape: PipelineShape;
  /** All cells, each after those that it waits for. */
  readonly cells: readonly Cell[];
  /** The place that holds a state; null: all do. */
  readonly placeOfState: (state: State) => number | null;
}

/** By place. `nameOf`: what the graph of a place is called. */
export function cutGraph(
  graph: LocalGraph,
  assigned: AssignedGraph,
  facts: CutFacts,
  nameOf: (place: number) => string,
): readonly LocalGraph[] {
  const whole = new Whole(graph, assigned, facts);
  return Array.from({ length: facts.shape.numPlaces }, (_, place) => new PlaceGraph(whole, place).graph(nameOf(place)));
}

/** What all places know of the graph. */
class Whole {
  readonly entries: readonly Assigned[];
  readonly passes: readonly number[];
  readonly numPasses: number;
  /** By value id, the position of the entry that makes it. */
  readonly makers = new Map<number, number>();
  /** By value id, the places where it is read. */
  readonly needs = new Map<number, Set<number>>();
  readonly inputs = new Map<number, GraphInput<"local">>();
  /** By value id of a sum over microbatches: whether it is made whole somewhere. */
  readonly joined = new Set<number>();
  readonly firstId: number;
  private readonly channels = new Map<string, number>();
  constructor(
    readonly source: LocalGraph,
    readonly ends: AssignedGraph,
    readonly facts: CutFacts,
  ) {
    const { entries } = ends;
    this.entries = entries;
    const { passes, numPasses } = whenDone(entries);
    this.passes = passes;
    this.numPasses = numPasses;
    for (const input of source.inputs) this.inputs.set(input.value.id, input);
    entries.forEach(({ step, joins }, i) => {
      for (const { id } of makesOf(step)) this.makers.set(id, i);
      if (joins && step.kind === "move" && step.move.what === "all-reduce" && step.move.reduction === "sum")
        this.joined.add(step.inputs[0].id);
    });
    this.firstId = Math.max(highestId(source), ...this.makers.keys()) + 1;
    this.findNeeds();
  }
  placeOfEntry({ home }: Assigned): number | null {
    return typeof home === "number" ? placeOfStage(home, this.facts.shape) : null;
  }

  /** The place where a value is, if it is at one place alone. */
  placeOfValue(id: number): number | null {
    const input = this.inputs.get(id);
    if (input) return input.source.kind === "state" ? this.facts.placeOfState(input.source.state) : null;
    const maker = this.makers.get(id);
    return maker === undefined ? null : this.placeOfEntry(this.entries[maker]!);
  }

  private need(id: number, places: Iterable<number>): void {
    const known = this.needs.get(id) ?? new Set<number>();
    for (const place of places) known.add(place);
    this.needs.set(id, known);
  }

  private findNeeds(): void {
    const all = Array.from({ length: this.facts.shape.numPlaces }, (_, place) => place);
    for (const { value } of this.ends.results) this.need(value.id, all);
    for (const { state, value } of this.ends.updates) {
      const place = this.facts.placeOfState(state);
      this.need(value.id, place === null ? all : [place]);
    }
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const entry = this.entries[i]!;
      const { step, home } = entry;
      for (const { id } of readsOf(step)) {
        if (typeof home === "number") this.need(id, [placeOfStage(home, this.facts.shape)]);
        else if (home === "anywhere") for (const made of makesOf(step)) this.need(id, this.needs.get(made.id) ?? []);
        else if (home === "sum" && this.isTerm(id, entry)) this.need(id, [this.placeOfValue(id) ?? 0]);
        else this.need(id, all);
      }
    }
  }

  /** Whether a value is a term that one place alone adds to a sum over places. */
  private isTerm(id: number, { step, rounds }: Assigned): boolean {
    if (step.kind === "stage") return true;
    return (
      rounds !== undefined &&
      step.kind === "repeat" &&
      step.stacked.some(({ items }) => items.some((item) => item.id === id))
    );
  }

  channel(id: number, microbatch: number | null, from: number, to: number): number {
    const key = `${id} ${microbatch} ${from} ${to}`;
    const known = this.channels.get(key) ?? this.channels.size;
    this.channels.set(key, known);
    return known;
  }
}

class PlaceGraph {
  private readonly steps: Step<"local">[] = [];
  private readonly inputs: GraphInput<"local">[] = [];
  /** What is here: by value, and by microbatch where there is one for each. */
  private readonly here = new Map<string, LocalValue>();
  /** Sums over the microbatches so far. */
  private readonly totals = new Map<number, { value: LocalValue; microbatch: number }>();
  private readonly done = new Set<string>();
  private lastId: number;
  private readonly numMicrobatches: number;
  constructor(
    private readonly whole: Whole,
    private readonly place: number,
  ) {
    this.lastId = whole.firstId;
    this.numMicrobatches = whole.facts.shape.numMicrobatches;
  }

  graph(name: string): LocalGraph {
    const { entries, passes, numPasses, facts, ends } = this.whole;
    this.enter();
    const once = (pass: number): void =>
      entries.forEach((entry, i) => {
        const isHere = this.whole.placeOfEntry(entry) === this.place || entry.home === "sum" || entry.home === "all";
        if (isHere && (entry.time === "once" || entry.joins) && passes[i] === pass) this.emit(i, null);
      });
    for (let pass = 0; pass < numPasses; pass++) {
      once(pass);
      for (const cell of facts.cells) {
        if (placeOfStage(cell.stage, facts.shape) !== this.place) continue;
        entries.forEach((entry, i) => {
          if (entry.home === cell.stage && entry.time === cell.way && !entry.joins && passes[i] === pass)
            this.emit(i, cell.microbatch);
        });
      }
    }
    once(numPasses);
    const results = ends.results.map(({ name: result, value }) => ({ name: result, value: this.get(value, null) }));
    const updates = ends.updates.flatMap(({ state, value }) => {
      const place = facts.placeOfState(state);
      return place === null || place === this.place ? [{ state, value: this.get(value, null) }] : [];
    });
    const observed = ends.observed.flatMap(({ label, value }) => {
      const there = this.here.get(keyOf(value.id, null));
      return there && this.whole.placeOfValue(value.id) === this.place ? [{ label, value: there }] : [];
    });
    return { level: "local", name, inputs: this.inputs, steps: this.steps, results, updates, observed };
  }

  private newId = (): number => ++this.lastId;

  /** Everything from outside but the states of other places; what others read of the states here is sent at once. */
  private enter(): void {
    for (const input of this.whole.source.inputs) {
      const { source, value } = input;
      const place = source.kind === "state" ? this.whole.facts.placeOfState(source.state) : null;
      if (place !== null && place !== this.place) continue;
      this.inputs.push(input);
      this.here.set(keyOf(value.id, null), value);
      if (place !== null) this.send(value.id, value, null, { origin: null, scope: "", phase: "forward" });
    }
  }

  private send(id: number, value: LocalValue, microbatch: number | null, place: StepPlace): void {
    for (const to of this.whole.needs.get(id) ?? []) {
      if (to === this.place) continue;
      const channel = this.whole.channel(id, microbatch, this.place, to);
      this.steps.push({
        kind: "stage",
        act: { what: "send", peer: to, channel },
        inputs: [value],
        outputs: [],
        ...placeOf(place),
        ...(microbatch === null ? {} : { microbatch }),
      });
    }
  }

  /** A value as it is here, made or received now if it is not. */
  private get(value: LocalValue, microbatch: number | null): LocalValue {
    const { id } = value;
    const maker = this.whole.makers.get(id);
    const entry = maker === undefined ? null : this.whole.entries[maker]!;
    const isOnce = entry === null || entry.time === "once" || entry.joins;
    const at = isOnce ? null : (microbatch ?? 0);
    const there = this.here.get(keyOf(id, at));
    if (there) return there;
    const from = this.whole.placeOfValue(id);
    if (from !== null && from !== this.place) return this.receive(value, at, from, entry);
    if (entry?.home === "anywhere") this.emit(maker!, at);
    const made = this.here.get(keyOf(id, at));
    if (!made) throw new Error(`place ${this.place} reads %${id} ${value.name} (${at}) before it is made`);
    return made;
  }

  private receive(value: LocalValue, microbatch: number | null, from: number, entry: Assigned | null): LocalValue {
    // It comes as it is, padding and all.
    const received = { ...value, id: this.newId() };
    const channel = this.whole.channel(value.id, microbatch, from, this.place);
    const place: StepPlace = entry?.step ?? { origin: null, scope: "", phase: "forward" };
    this.steps.push({
      kind: "stage",
      act: { what: "receive", peer: from, channel },
      inputs: [],
      outputs: [received],
      ...placeOf(place),
      ...(microbatch === null ? {} : { microbatch }),
    });
    const filled = this.filledAs(value, received, place, microbatch);
    this.here.set(keyOf(value.id, microbatch), filled);
    return filled;
  }

  /** Nothing is known of the padding of what is received: what its maker had filled is filled again. */
  private filledAs(value: LocalValue, received: LocalValue, place: StepPlace, microbatch: number | null): LocalValue {
    let before = received;
    for (const [dim, fill] of value.filled.entries()) {
      if (fill === null) continue;
      const after: LocalValue = { ...received, id: this.newId(), filled: before.filled.with(dim, fill) };
      this.steps.push({
        kind: "fill",
        ...{ dim, fill, inputs: [before], outputs: [after] },
        ...placeOf(place),
        ...(microbatch === null ? {} : { microbatch }),
      });
      before = after;
    }
    return before;
  }

  private emit(position: number, microbatch: number | null): void {
    const entry = this.whole.entries[position]!;
    const key = keyOf(position, microbatch);
    if (this.done.has(key)) return;
    this.done.add(key);
    if (entry.joins) this.join(entry);
    else if (entry.rounds) this.total(entry);
    else if (entry.home === "sum" && entry.step.kind === "stage") this.contribute(entry.step);
    else this.plain(entry, microbatch);
  }

  private plain({ step, home, time }: Assigned, microbatch: number | null): void {
    const renames: Renames = new Map();
    for (const value of readsOf(step)) renames.set(value.id, this.get(value, microbatch));
    if (microbatch === null) {
      for (const value of makesOf(step)) renames.set(value.id, value);
      const same = step.kind === "repeat" ? withReads(step, renames) : instanceOf(step, renames, this.newId);
      this.steps.push(same);
    } else this.steps.push(inMicrobatch(instanceOf(step, renames, this.newId), microbatch));
    for (const value of makesOf(step)) {
      const made = renames.get(value.id)!;
      this.here.set(keyOf(value.id, time === "once" ? null : microbatch), made);
      if (typeof home !== "number") continue;
      this.send(value.id, made, microbatch, step);
      if (microbatch !== null && this.whole.joined.has(value.id)) this.addUp(value, made, microbatch, step);
    }
  }

  /** The sum of what microbatches have made so far. */
  private addUp(value: LocalValue, term: LocalValue, microbatch: number, place: StepPlace): void {
    const before = this.totals.get(value.id)?.value;
    const total = before ? this.sumOf(before, term, microbatch, place) : term;
    this.totals.set(value.id, { value: total, microbatch });
  }

  private sumOf(a: LocalValue, b: LocalValue, microbatch: number, place: StepPlace): LocalValue {
    const output: LocalValue = { ...a, id: this.newId(), filled: a.filled.map(() => null) };
    const letters = stepLetters(add, [a.type.shape, b.type.shape], {});
    const { dims, partial } = a.placement;
    const letterOf = (dim: number): string => letters.outputs[0]![dim]!.letter;
    const split = dims.flatMap(({ axes }, dim) => (axes.length === 0 ? [] : [[letterOf(dim), axes] as const]));
    const cuts = dims.flatMap((each, dim) =>
      each.axes.length === 0 || sameCut(each, plainCut) ? [] : [[letterOf(dim), cutOf(each)] as const],
    );
    const pass = Object.keys(partial).map((axis) => [axis as Move["axis"], [0, 1]] as const);
    const step: OpStep<"local"> = {
      kind: "op",
      op: add,
      attrs: {},
      inputs: [a, b],
      outputs: [output],
      choice: { letters: new Map(split), cuts: new Map(cuts), pass: new Map(pass) },
      ...placeOf(place),
      microbatch,
    };
    this.steps.push(step);
    return output;
  }

  private join({ step, home }: Assigned): void {
    if (step.kind !== "move") throw new Error("microbatches are joined by a move");
    const [before] = step.inputs;
    const [after] = step.outputs;
    const microbatches = Array.from({ length: this.numMicrobatches }, (_, microbatch) => microbatch);
    let inputs: readonly LocalValue[];
    const total = this.totals.get(before.id)?.value;
    if (total) inputs = [total];
    else inputs = microbatches.map((microbatch) => this.get(before, microbatch));
    this.steps.push({
      kind: "stage",
      act: { what: "join", move: step.move },
      inputs,
      outputs: [after],
      ...placeOf(step),
    });
    this.here.set(keyOf(after.id, null), after);
    if (typeof home === "number") this.send(after.id, after, null, step);
  }

  private contribute(step: Extract<Step<"local">, { kind: "stage" }>): void {
    const [value] = step.inputs;
    const place = this.whole.placeOfValue(value!.id) ?? 0;
    const inputs = place === this.place ? [this.get(value!, null)] : [];
    this.steps.push({ ...step, inputs });
    for (const made of step.outputs) this.here.set(keyOf(made.id, null), made);
  }

  private total({ step, rounds }: Assigned): void {
    if (step.kind !== "repeat") throw new Error("a total is a repeat");
    const own = rounds?.get(this.place);
    for (const { start, result } of step.carried) {
      if (!own) this.here.set(keyOf(result.id, null), this.get(start, null));
      else this.here.set(keyOf(result.id, null), result);
    }
    if (!own) return;
    const renames: Renames = new Map();
    for (const value of readsOf(own)) renames.set(value.id, this.get(value, null));
    this.steps.push(withReads(own, renames));
  }
}

/** The repeat with other values from outside. */
const withReads = (step: RepeatStep<"local">, renames: Renames): RepeatStep<"local"> => ({
  ...step,
  carried: step.carried.map((each) => ({ ...each, start: renames.get(each.start.id) ?? each.start })),
  stacked: step.stacked.map(({ items, each }) => ({ items: items.map((item) => renames.get(item.id) ?? item), each })),
  shared: step.shared.map(({ outer, inner }) => ({ outer: renames.get(outer.id) ?? outer, inner })),
});

const keyOf = (id: number, microbatch: number | null): string => `${id} ${microbatch ?? ""}`;
