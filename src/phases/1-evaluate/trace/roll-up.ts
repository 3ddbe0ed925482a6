// Rounds that do the same become one repeat: what they read is their own, shared, stacked (one item each) or carried from
// the round before; what others read of them is collected, or the last carried value.
import type { ValueIds } from "../../../ir/build.js";
import type { LogicalValue, RepeatStep, Step } from "../../../ir/graph.js";
import { makesOf, readsOf, replaceInStep } from "../../../ir/steps.js";

export interface Found {
  readonly repeat: RepeatStep<"logical">;
  readonly replaced: ReadonlyMap<number, LogicalValue>;
}

/** Where a value is made: in which round, by which step of it, as which of its results. */
type Place = readonly [round: number, step: number, output: number];

/** Null where what the rounds read does not correspond. All rounds do the same to operands of the same types. */
export function rollUp(
  rounds: readonly (readonly Step<"logical">[])[],
  isReadOutside: (id: number) => boolean,
  ids: ValueIds,
): Found | null {
  const [first] = rounds;
  const count = rounds.length;
  const places = new Map<number, Place>();
  rounds.forEach((round, r) => {
    round.forEach((step, s) => {
      makesOf(step).forEach(({ id }, o) => places.set(id, [r, s, o]));
    });
  });
  if (first!.some(({ kind }) => kind === "gradient")) return null;

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
      if (entry === null) return null;
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
      const wanted = values.filter(({ id }) => !replaced.has(id) && isReadOutside(id));
      if (wanted.length === 0) return;
      const items = values.map(fresh);
      values.forEach((value, r) => {
        if (!replaced.has(value.id)) replaced.set(value.id, items[r]!);
      });
      collected.push({ each, items });
    });
  });
  const body = first!.map((step, s) =>
    inCommonScope(
      replaceInStep(step, (value) => swaps[s]!.get(value.id) ?? value),
      rounds.map((round) => round[s]!),
    ),
  );
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

/** A step, and what is in its body, under the scopes that all rounds share. */
function inCommonScope(step: Step<"logical">, rounds: readonly Step<"logical">[]): Step<"logical"> {
  const scope = commonPath(rounds.map((round) => round.scope));
  if (step.kind !== "repeat") return { ...step, scope };
  const bodies = rounds.map((round) => (round.kind === "repeat" ? round.body : []));
  const body = step.body.map((inner, s) =>
    inCommonScope(
      inner,
      bodies.map((list) => list[s]!),
    ),
  );
  return { ...step, scope, body };
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
