// The units in which a plan may cut a parameter: a projection whose result is seen as heads, (he), is cut between heads.
// Dims that share a letter in some op are cut alike, all through the program; a merged dim is its first letter's places
// times what is inside. So the queries' projection, the keys', and the rows of the output projection agree on one unit.
// Where a letter has fewer places than there are ranks, and the op that merges another into it comes apart along that one
// (key heads that several query heads share), the places stay whole and the dim is cut inside them.
import type { LogicalGraph, LogicalValue, Step } from "../../ir/graph.js";
import { fixedRanks } from "../../ir/mesh.js";
import type { Axis, Mesh } from "../../ir/placement.js";
import type { State } from "../../ir/state.js";
import { stepLetters } from "../../ir/step-letters.js";

/** Elements that stay together where axes split a dim of a state; null: the dim must stay whole. */
export type UnitOf = (state: State, dim: number, axes: readonly Axis[]) => number | null;

/** A dim is the places of a letter times `inside`. */
interface Merge {
  readonly dim: string;
  readonly letter: string;
  readonly places: number;
  readonly inside: number;
  /** The letters that are merged inside. */
  readonly inner: readonly string[];
  /** Whether the op comes apart along what is merged inside. */
  readonly isPartible: boolean;
}

export function findUnits(graphs: Iterable<LogicalGraph>, mesh: Mesh): UnitOf {
  const alike = new Classes();
  const merges: Merge[] = [];
  for (const graph of graphs) {
    for (const { value, source } of graph.inputs)
      if (source.kind === "state")
        value.type.shape.forEach((_, dim) => {
          alike.join(valueKey(graph.name, value, dim), stateKey(source.state, dim));
        });
    visit(graph.name, graph.steps, { alike, merges });
  }
  const ofDim = grouped(merges, ({ dim }) => alike.find(dim));
  const intoLetter = grouped(merges, ({ letter }) => alike.find(letter));
  const hasTooFew = (letter: string, ranks: number): boolean =>
    (intoLetter.get(letter) ?? []).some(({ isPartible, places }) => isPartible && places < ranks);
  const unitOf = (dim: string, ranks: number, above: readonly string[]): number | null => {
    if (hasTooFew(dim, ranks)) return null;
    let unit = 1;
    for (const { letter, inside, isPartible } of ofDim.get(dim) ?? []) {
      const inner = alike.find(letter);
      if (above.includes(inner) || (isPartible && hasTooFew(inner, ranks))) continue;
      const places = unitOf(inner, ranks, [...above, dim]);
      if (places === null) return null;
      unit = commonMultiple(unit, inside * places);
    }
    return unit;
  };
  /** Whether the dim is what is inside a place that must stay whole with the others of its kind: the only key head. */
  const isWithin = (dim: string, ranks: number): boolean =>
    merges.some(
      ({ letter, inner }) =>
        inner.some((each) => alike.find(each) === dim) &&
        (ofDim.get(alike.find(letter)) ?? []).some(
          (outer) => outer.isPartible && hasTooFew(alike.find(outer.letter), ranks),
        ),
    );
  return (state, dim, axes) => {
    const key = alike.find(stateKey(state, dim));
    const ranks = fixedRanks(mesh, axes);
    return isWithin(key, ranks) ? null : unitOf(key, ranks, []);
  };
}

const stateKey = (state: State, dim: number): string => `state ${state.name} ${dim}`;
const valueKey = (graph: string, { id }: LogicalValue, dim: number): string => `${graph} ${id} ${dim}`;

interface Found {
  readonly alike: Classes;
  readonly merges: Merge[];
}

function visit(graph: string, steps: readonly Step<"logical">[], found: Found): void {
  const { alike, merges } = found;
  const joinValues = (a: LogicalValue, b: LogicalValue): void =>
    a.type.shape.forEach((_, dim) => {
      alike.join(valueKey(graph, a, dim), valueKey(graph, b, dim));
    });
  for (const step of steps) {
    if (step.kind === "repeat") {
      for (const { start, enter, leave, result } of step.carried)
        for (const value of [start, leave, result]) joinValues(enter, value);
      for (const { items, each } of [...step.stacked, ...step.collected])
        for (const item of items) joinValues(each, item);
      for (const { outer, inner } of step.shared) joinValues(inner, outer);
      visit(graph, step.body, found);
    } else if (step.kind === "op") {
      const { op, attrs, inputs, outputs } = step;
      const letters = stepLetters(
        op,
        inputs.map(({ type }) => type.shape),
        attrs,
      );
      const values = [...inputs, ...outputs];
      [...letters.inputs, ...letters.outputs].forEach((term, i) => {
        term.forEach(({ letter, inside, inner }, d) => {
          const dim = valueKey(graph, values[i]!, d);
          const keyOf = (each: string): string => `${graph} of ${outputs[0]!.id} ${each}`;
          const letterKey = keyOf(letter);
          if (inside === 1) alike.join(dim, letterKey);
          else {
            const isPartible = inner.some((each) => op.apart(each) !== null);
            const places = letters.sizes.get(letter)!;
            merges.push({ dim, letter: letterKey, places, inside, inner: inner.map(keyOf), isPartible });
          }
        });
      });
    }
  }
}

function grouped<T>(list: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
const commonMultiple = (a: number, b: number): number => (a / commonDivisor(a, b)) * b;

/** Sets of keys that are joined; each has a leader. */
class Classes {
  private readonly leaders = new Map<string, string>();

  find(key: string): string {
    let leader = key;
    for (let next = this.leaders.get(leader); next !== undefined; next = this.leaders.get(leader)) leader = next;
    for (let now = key; now !== leader; ) {
      const next = this.leaders.get(now)!;
      this.leaders.set(now, leader);
      now = next;
    }
    return leader;
  }

  join(a: string, b: string): void {
    const [one, two] = [this.find(a), this.find(b)];
    if (one !== two) this.leaders.set(one, two);
  }
}
