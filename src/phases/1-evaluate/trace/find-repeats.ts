// Purpose: find repeated layers. A loop that was unrolled left rounds of steps; where a number of rounds in a row do the
// same to values that correspond, they become one repeat region. A round of it may be several of the loop: an optimizer
// walks over all parameters, of which sixteen belong to each block. Needs: a traced graph and the rounds of its loops,
// inner loops first. Example: twelve blocks, each reading its own weights and the previous block's result, become one
// body run twelve times.
import type { ValueIds } from "../../../ir/build.js";
import type { LogicalGraph, LogicalValue, Step } from "../../../ir/graph.js";
import { readsOf, replaceInStep } from "../../../ir/steps.js";
import { findRuns } from "./find-runs.js";
import { rollUp } from "./roll-up.js";
import { roundNumbers } from "./step-text.js";

/** The steps of each round, in order. */
export interface UnrolledLoop {
  readonly rounds: readonly (readonly Step<"logical">[])[];
}

export function findRepeats(graph: LogicalGraph, loops: readonly UnrolledLoop[], ids: ValueIds): LogicalGraph {
  const work = new Work(graph);
  const numberOf = roundNumbers();
  for (const { rounds } of loops) {
    // Rounds as places of the list; a repeat stands at the first place of its first round.
    const places = rounds.map((round) => work.placesOf(round)).filter((list) => list.length > 0);
    if (places.length < 2) continue;
    const numbers = places.map((list) => numberOf(list.map((place) => work.at(place))));
    for (const { start, period, count } of findRuns(numbers)) {
      const group = Array.from({ length: count }, (_, i) =>
        places.slice(start + i * period, start + (i + 1) * period).flat(),
      );
      if (!work.areTogether(group.flat())) continue;
      const inside = new Set(group.flat());
      const found = rollUp(
        group.map((list) => list.map((place) => work.at(place))),
        (id) => work.isReadOutside(id, inside),
        ids,
      );
      if (found) work.absorb(group.flat(), found.repeat, found.replaced);
    }
  }
  return work.finish(graph);
}

/** Steps in their places, who reads what, and what values have become. */
class Work {
  private readonly steps: (Step<"logical"> | null)[];
  private readonly placeOf: ReadonlyMap<Step<"logical">, number>;
  /** Places at which steps that read a value have stood. */
  private readonly readers = new Map<number, number[]>();
  private readonly ends: Set<number>;
  private readonly replaced = new Map<number, LogicalValue>();

  constructor(graph: LogicalGraph) {
    this.steps = [...graph.steps];
    this.placeOf = new Map(graph.steps.map((step, place) => [step, place]));
    this.steps.forEach((step, place) => this.noteReads(step!, place));
    this.ends = new Set([...graph.results, ...graph.updates, ...graph.observed].map(({ value }) => value.id));
  }

  private noteReads(step: Step<"logical">, place: number): void {
    for (const { id } of readsOf(step)) {
      const places = this.readers.get(id);
      if (places) places.push(place);
      else this.readers.set(id, [place]);
    }
  }

  placesOf(round: readonly Step<"logical">[]): readonly number[] {
    return round.flatMap((step) => {
      const place = this.placeOf.get(step);
      return place !== undefined && this.steps[place] ? [place] : [];
    });
  }
  at(place: number): Step<"logical"> {
    return this.steps[place]!;
  }
  /** Whether nothing else stands between them. */
  areTogether(places: readonly number[]): boolean {
    let present = 0;
    for (let place = places[0]!; place <= places.at(-1)!; place++) if (this.steps[place]) present++;
    return present === places.length;
  }
  isReadOutside(id: number, inside: ReadonlySet<number>): boolean {
    if (this.ends.has(id)) return true;
    return this.readers.get(id)?.some((place) => !inside.has(place) && this.readsAt(place, id)) ?? false;
  }
  private readsAt(place: number, id: number): boolean {
    const step = this.steps[place];
    return step !== null && readsOf(step!).some((value) => value.id === id);
  }
  absorb(places: readonly number[], repeat: Step<"logical">, replaced: ReadonlyMap<number, LogicalValue>): void {
    for (const place of places) this.steps[place] = null;
    this.steps[places[0]!] = repeat;
    this.noteReads(repeat, places[0]!);
    const swap = (value: LogicalValue): LogicalValue => replaced.get(value.id) ?? value;
    for (const [id, value] of replaced) {
      this.replaced.set(id, value);
      if (this.ends.delete(id)) this.ends.add(value.id);
      for (const place of this.readers.get(id) ?? [])
        if (this.readsAt(place, id)) {
          this.steps[place] = replaceInStep(this.at(place), swap);
          this.noteReads(this.at(place), place);
        }
      this.readers.delete(id);
    }
  }
  finish(graph: LogicalGraph): LogicalGraph {
    const latest = (value: LogicalValue): LogicalValue => {
      const next = this.replaced.get(value.id);
      return next ? latest(next) : value;
    };
    return {
      ...graph,
      steps: this.steps.filter((step) => step !== null),
      results: graph.results.map(({ name, value }) => ({ name, value: latest(value) })),
      updates: graph.updates.map(({ state, value }) => ({ state, value: latest(value) })),
      observed: graph.observed.map(({ label, value }) => ({ label, value: latest(value) })),
    };
  }
}
