// Purpose: find repeated layers. A loop that was unrolled left rounds of steps; where a number of rounds in a row do the
// same to values that correspond, they become one repeat region. A round of it may be several of the loop: an optimizer
// walks over all parameters, of which sixteen belong to each block. Needs: a traced graph and the rounds of its loops,
// inner loops first. Example: twelve blocks, each reading its own weights and the previous block's result, become one
// body run twelve times.
import type { ValueIds } from "../../../ir/build.js";
import type { LogicalGraph, LogicalValue, RepeatStep, Step } from "../../../ir/graph.js";
import { makesOf, readsOf, replaceInSteps, valuesMadeIn, entriesOf, exitsOf } from "../../../ir/steps.js";
import { sameType } from "../../../ir/tensor-type.js";

/** The steps of each round, in order. */
export interface UnrolledLoop {
  readonly rounds: readonly (readonly Step<"logical">[])[];
}

export function findRepeats(graph: LogicalGraph, loops: readonly UnrolledLoop[], ids: ValueIds): LogicalGraph {
  let steps: readonly Step<"logical">[] = graph.steps;
  /** What became of a step: the repeat that holds it (at its first place), or nothing. */
  const became = new Map<Step<"logical">, Step<"logical"> | null>();
  const replaced = new Map<number, LogicalValue>();
  const swap = (value: LogicalValue): LogicalValue => {
    const next = replaced.get(value.id);
    return next ? swap(next) : value;
  };
  const ends = [...graph.results, ...graph.updates, ...graph.observed].map(({ value }) => value);
  const numberOf = roundNumbers();

  for (const { rounds } of loops) {
    const present = new Set(steps);
    const current = rounds
      .map((round) => round.map((step) => latest(became, step)).filter((step) => step !== null && present.has(step)))
      .filter((round) => round.length > 0) as Step<"logical">[][];
    for (const run of findRuns(current.map(numberOf))) {
      const group = Array.from({ length: run.count }, (_, i) =>
        current
          .slice(run.start + i * run.period, run.start + (i + 1) * run.period)
          .flat()
          .map((step) => latest(became, step)!),
      );
      const found = rollUp(group, steps, ends.map(swap), ids);
      if (!found) continue;
      const [first, ...rest] = group.flat();
      for (const step of rest) became.set(step, null);
      became.set(first!, found.repeat);
      for (const [id, value] of found.replaced) replaced.set(id, value);
      const inside = new Set(group.flat());
      const at = steps.indexOf(first!);
      const update = (step: Step<"logical">): Step<"logical"> => {
        const next = replaceReads(step, found.replaced);
        if (next !== step) became.set(step, next);
        return next;
      };
      steps = steps.flatMap((step, i) => (i === at ? [found.repeat] : inside.has(step) ? [] : [update(step)]));
    }
  }
  return {
    ...graph,
    steps,
    results: graph.results.map(({ name, value }) => ({ name, value: swap(value) })),
    updates: graph.updates.map(({ state, value }) => ({ state, value: swap(value) })),
    observed: graph.observed.map(({ label, value }) => ({ label, value: swap(value) })),
  };
}

/** What a step has become by now; null: a part of the repeat that its round began with. */
function latest(
  became: ReadonlyMap<Step<"logical">, Step<"logical"> | null>,
  step: Step<"logical">,
): Step<"logical"> | null {
  const next = became.get(step);
  return next === undefined ? step : next && latest(became, next);
}

interface Run {
  readonly start: number;
  /** Rounds of the loop in one round of the repeat. */
  readonly period: number;
  readonly count: number;
}
const maxPeriod = 64;

/** Stretches in which the same sequence of texts follows itself, longest first (then of the shortest period, then the earliest); in order. */
export function findRuns(texts: readonly unknown[]): readonly Run[] {
  const n = texts.length;
  let best = null as Run | null;
  for (let period = 1; period <= Math.min(maxPeriod, n / 2); period++) {
    let matches = 0;
    for (let i = n - 1 - period; i >= 0; i--) {
      matches = texts[i] === texts[i + period] ? matches + 1 : 0;
      const count = Math.floor(matches / period) + 1;
      const covered = count * period;
      const before: number = best === null ? 0 : best.count * best.period;
      if (count >= 2 && (covered > before || (covered === before && best?.period === period)))
        best = { start: i, period, count };
    }
  }
  if (best === null) return [];
  const end = best.start + best.period * best.count;
  const after = findRuns(texts.slice(end)).map((run) => ({ ...run, start: run.start + end }));
  return [...findRuns(texts.slice(0, best.start)), best, ...after];
}

/** Rounds that may be repeats of each other have equal numbers: what they do, to operands of which types. */
function roundNumbers(): (round: readonly Step<"logical">[]) => number {
  const texts = new Map<Step<"logical">, string>();
  const numbers = new Map<string, number>();
  const textOf = (step: Step<"logical">): string => {
    const text = texts.get(step) ?? stepText(step);
    texts.set(step, text);
    return text;
  };
  return (round) => {
    const text = round.map(textOf).join(";");
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  };
}
const typeText = ({ type }: LogicalValue): string => `${type.dtype}${type.shape.join("x")}`;
function stepText(step: Step<"logical">): string {
  const types = `${readsOf(step).map(typeText).join()}>${makesOf(step).map(typeText).join()}`;
  if (step.kind === "op") return `${step.op.name}${JSON.stringify(step.attrs)}${types}`;
  return step.kind === "repeat" ? `repeat${step.count}{${bodyText(step)}}${types}` : `gradient${types}`;
}

function replaceReads(step: Step<"logical">, replaced: ReadonlyMap<number, LogicalValue>): Step<"logical"> {
  if (!readsOf(step).some(({ id }) => replaced.has(id))) return step;
  return replaceInSteps([step], (value) => replaced.get(value.id) ?? value)[0]!;
}

interface Found {
  readonly repeat: RepeatStep<"logical">;
  readonly replaced: ReadonlyMap<number, LogicalValue>;
}

/** Where a value is made: in which round, by which step of it, as which of its results. */
type Place = readonly [round: number, step: number, output: number];

function rollUp(
  rounds: readonly (readonly Step<"logical">[])[],
  all: readonly Step<"logical">[],
  ends: readonly LogicalValue[],
  ids: ValueIds,
): Found | null {
  const [first] = rounds;
  const count = rounds.length;
  if (rounds.some((round) => round.length !== first!.length)) return null;
  const start = all.indexOf(first![0]!);
  const flat = rounds.flat();
  if (!flat.every((step, i) => all[start + i] === step)) return null;
  const places = new Map<number, Place>();
  rounds.forEach((round, r) => {
    round.forEach((step, s) => {
      makesOf(step).forEach(({ id }, o) => places.set(id, [r, s, o]));
    });
  });
  if (flat.some(({ kind }) => kind === "gradient")) return null;

  const carried = new Map<string, { start: LogicalValue; enter: LogicalValue; from: readonly [number, number] }>();
  const stacked = new Map<string, { items: readonly LogicalValue[]; each: LogicalValue }>();
  const shared = new Map<number, { outer: LogicalValue; inner: LogicalValue }>();
  const fresh = (value: LogicalValue): LogicalValue => ({ ...value, id: ids.take() });
  const inputsOf = new Map<string, LogicalValue>();
  for (const [s, step] of first!.entries())
    for (const [i] of readsOf(step).entries()) {
      const values = rounds.map((round) => readsOf(round[s]!)[i]!);
      const made = values.map(({ id }) => places.get(id));
      const entry = classify(values, made, count);
      if (entry === null || values.some((value) => !sameType(value.type, values[0]!.type))) return null;
      if (entry === "own") continue;
      let inner: LogicalValue;
      if (entry === "shared") {
        const [outer] = values as [LogicalValue];
        if (!shared.has(outer.id)) shared.set(outer.id, { outer, inner: fresh(outer) });
        inner = shared.get(outer.id)!.inner;
      } else if (entry === "stacked") {
        const key = values.map(({ id }) => id).join();
        if (!stacked.has(key))
          stacked.set(key, { items: values, each: { ...fresh(values[0]!), name: commonName(values) } });
        inner = stacked.get(key)!.each;
      } else {
        const key = `${values[0]!.id} ${entry.join()}`;
        if (!carried.has(key)) carried.set(key, { start: values[0]!, enter: fresh(values[1]!), from: entry });
        inner = carried.get(key)!.enter;
      }
      inputsOf.set(`${s} ${i}`, inner);
    }

  // One value that is two things in later rounds cannot be told apart in the body.
  const swaps = first!.map(() => new Map<number, LogicalValue>());
  for (const [s, step] of first!.entries())
    for (const [i, { id }] of readsOf(step).entries()) {
      const inner = inputsOf.get(`${s} ${i}`);
      const other = swaps[s]!.get(id);
      if (other && other !== inner) return null;
      if (inner) swaps[s]!.set(id, inner);
    }

  // The first round becomes the body; what others read of later rounds is collected, or is the last carried value.
  const readOutside = new Set(ends.map(({ id }) => id));
  const inside = new Set(flat);
  for (const step of all) if (!inside.has(step)) for (const { id } of readsOf(step)) readOutside.add(id);
  const replaced = new Map<number, LogicalValue>();
  const leaves = [...carried.values()].map(({ start: begin, enter, from: [s, o] }) => {
    const leave = makesOf(first![s]!)[o]!;
    const last = makesOf(rounds.at(-1)![s]!)[o]!;
    const result = fresh(last);
    if (!replaced.has(last.id)) replaced.set(last.id, result);
    return { start: begin, enter, leave, result };
  });
  const collected: { each: LogicalValue; items: LogicalValue[] }[] = [];
  first!.forEach((step, s) => {
    makesOf(step).forEach((each, o) => {
      const values = rounds.map((round) => makesOf(round[s]!)[o]!);
      const wanted = values.filter(({ id }) => readOutside.has(id) && !replaced.has(id));
      if (wanted.length === 0) return;
      const items = values.map(fresh);
      values.forEach((value, r) => {
        if (!replaced.has(value.id)) replaced.set(value.id, items[r]!);
      });
      collected.push({ each, items });
    });
  });
  const scopes = first!.map((_, s) => commonPath(rounds.map((round) => round[s]!.scope)));
  const body = first!.map((step, s) => ({ ...replaceReads(step, swaps[s]!), scope: scopes[s]! }));
  const { origin, phase } = first![0]!;
  const repeat: RepeatStep<"logical"> = {
    kind: "repeat",
    count,
    carried: leaves,
    stacked: [...stacked.values()],
    shared: [...shared.values()],
    collected,
    body,
    origin,
    phase,
    scope: commonPath(rounds.map((round) => round[0]!.scope)),
  };
  return { repeat, replaced };
}

/** What a read is, seen over the rounds; the step and output that it is carried from; null: nothing that repeats. */
function classify(
  values: readonly LogicalValue[],
  made: readonly (Place | undefined)[],
  count: number,
): "own" | "shared" | "stacked" | readonly [number, number] | null {
  const [head] = made;
  if (made.every((place, r) => place && head && place[0] === r && place[1] === head[1] && place[2] === head[2]))
    return "own";
  if (made.every((place) => place === undefined))
    return values.every(({ id }) => id === values[0]!.id) ? "shared" : "stacked";
  const second = made[1];
  if (head !== undefined || !second || count < 2) return null;
  const follows = made.every(
    (place, r) => r === 0 || (place && place[0] === r - 1 && place[1] === second[1] && place[2] === second[2]),
  );
  return follows ? [second[1], second[2]] : null;
}

const commonName = (values: readonly LogicalValue[]): string => commonPath(values.map(({ name }) => name));

/** `blocks.0.weight` and `blocks.1.weight` are `blocks.*.weight`. */
function commonPath(paths: readonly string[]): string {
  const [first] = paths as [string];
  if (paths.every((path) => path === first)) return first;
  const parts = paths.map((path) => path.split("."));
  if (parts.some((list) => list.length !== parts[0]!.length)) return first;
  return parts[0]!.map((part, i) => (parts.every((list) => list[i] === part) ? part : "*")).join(".");
}

/** A body with values numbered in the order of their making: equal for repeats that do the same. */
function bodyText(step: RepeatStep<"logical">): string {
  const numbers = new Map<number, number>();
  for (const { id } of [...entriesOf(step), ...valuesMadeIn(step.body)]) numbers.set(id, numbers.size);
  const text = (inner: Step<"logical">): string =>
    inner.kind === "repeat"
      ? `repeat ${inner.count} ${readsOf(inner).map(({ id }) => numbers.get(id))} {${bodyText(inner)}}`
      : `${inner.kind === "op" ? `${inner.op.name}${JSON.stringify(inner.attrs)}` : ""}${readsOf(inner).map(({ id }) => numbers.get(id))}`;
  return `${step.body.map(text).join(";")} > ${exitsOf(step).map(({ id }) => numbers.get(id))}`;
}
