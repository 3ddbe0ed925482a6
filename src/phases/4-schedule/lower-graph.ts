// A local graph as blocks of jobs over tensors. Values become views; a repeat becomes a loop whose tensors lie, round by
// round, where the values that go in and out are: what is carried goes back and forth between two places, or along the
// places where it is collected anyway.
import type { LocalGraph, LocalValue, RepeatStep, Step } from "../../ir/graph.js";
import { attribute } from "../../ir/kernel.js";
import { partialAxes } from "../../ir/placement.js";
import type { LaunchOrigin, RankNumber } from "../../ir/scheduled.js";
import type { State } from "../../ir/state.js";
import { makesOf } from "../../ir/steps.js";
import { most, product } from "./amounts.js";
import { lowerJoin } from "./lower-join.js";
import { lowerFill, lowerMove } from "./lower-move.js";
import { lowerOp } from "./lower-op.js";
import { lowerStage } from "./lower-stage.js";
import { type Lowering, originOf } from "./lowering.js";
import { copyOf } from "./make-piece.js";
import { tableRepeats } from "./table-repeats.js";
import { directReads, visitJobs } from "./touches.js";
import type { UnitsOfMoves } from "./units-of-moves.js";
import { isWhole, rebased, sameForm, wholeView } from "./views.js";
import type { Job, KernelPiece, LoopJob, Rounds, Tensor, View } from "./work.js";

/** A value that a loop hands on between two places: `enter` is where `leave` was a round before. */
export interface Swap {
  readonly loop: number;
  readonly enter: Tensor;
  readonly leave: Tensor;
  /** Where it enters in even and in odd rounds. */
  readonly places: readonly [Tensor, Tensor];
}

export interface LoweredGraph {
  readonly name: string;
  readonly jobs: readonly Job<KernelPiece>[];
  readonly inputs: readonly Tensor[];
  readonly results: readonly { readonly name: string; readonly view: View; readonly value: LocalValue }[];
  readonly updates: readonly { readonly state: State; readonly view: View }[];
  /** Where tensors of loops lie. */
  readonly rounds: ReadonlyMap<Tensor, Rounds>;
  readonly swaps: readonly Swap[];
  /** Tensors that should lie one behind the other. */
  readonly rows: readonly (readonly Tensor[])[];
  /** Numbers that are elements of another tensor once their loop is written out. */
  readonly slots: ReadonlyMap<Tensor, Slot>;
}
export interface Slot {
  readonly row: Tensor;
  readonly place: number;
}

interface Whole {
  readonly lowering: Lowering;
  readonly views: Map<number, View>;
  readonly rounds: Map<Tensor, Rounds>;
  readonly swaps: Swap[];
  readonly rows: (readonly Tensor[])[];
  readonly isTable: (step: RepeatStep<"local">) => boolean;
  /** Whole numbers that are known now. */
  readonly numbers: Map<Tensor, number>;
  readonly units: UnitsOfMoves;
}

/** `hasTables`: whether repeats that are small work over many tensors are to be written out (see table-repeats.ts). */
export function lowerGraph(
  graph: LocalGraph,
  lowering: Lowering,
  hasTables: boolean,
  units: UnitsOfMoves = new Map(),
): LoweredGraph {
  const isTable = hasTables ? tableRepeats(graph) : () => false;
  const whole: Whole = {
    lowering,
    views: new Map(),
    rounds: new Map(),
    swaps: [],
    rows: [],
    isTable,
    numbers: new Map(),
    units,
  };
  const inputs = graph.inputs.map(({ value, source }) => {
    const tensor = lowering.tensor(value.name, value.type.dtype, lowering.localShape(value), source);
    whole.views.set(value.id, wholeView(tensor, lowering.numVariants));
    return tensor;
  });
  const observed = new Map<number, { readonly label: string; readonly value: LocalValue }[]>();
  // A sum that nobody needs whole here is seen where it is made whole: in the graph of the last microbatch.
  for (const each of graph.observed.filter(({ value }) => partialAxes(value.placement).length === 0))
    observed.set(each.value.id, [...(observed.get(each.value.id) ?? []), each]);
  const observe = (value: LocalValue): readonly Job<KernelPiece>[] =>
    (observed.get(value.id) ?? []).map(({ label }) => ({
      kind: "observe",
      label,
      view: viewOf(whole, value),
      shape: value.type.shape,
      placement: value.placement,
    }));
  // Nobody waits for what is only looked at: it is handed out when the updates begin.
  let pending = graph.inputs.flatMap(({ value }) => observe(value));
  const handedOut = (step: Step<"local">): readonly Job<KernelPiece>[] => {
    if (step.phase !== "update") return [];
    const now = pending;
    pending = [];
    return now;
  };
  const steps = graph.steps.flatMap((step) => {
    const before = handedOut(step);
    const own = lowerSteps([step], whole);
    pending = [...pending, ...makesOf(step).flatMap(observe)];
    return [...before, ...own];
  });
  const jobs = [...steps, ...pending];
  return {
    name: graph.name,
    jobs,
    inputs,
    results: graph.results.map(({ name, value }) => ({ name, value, view: viewOf(whole, value) })),
    updates: graph.updates.map(({ state, value }) => ({ state, view: viewOf(whole, value) })),
    rounds: whole.rounds,
    swaps: whole.swaps,
    rows: whole.rows,
    slots: new Map(),
  };
}

/** How often each tensor is read, by whomever. */
export function countReads({ jobs, results, updates, rounds, swaps }: LoweredGraph): ReadonlyMap<Tensor, number> {
  const counts = new Map<Tensor, number>();
  const read = (tensor: Tensor): void => {
    counts.set(tensor, (counts.get(tensor) ?? 0) + 1);
  };
  visitJobs(jobs, (job) => directReads(job).forEach(read));
  for (const { items } of rounds.values()) items.forEach(read);
  for (const { places } of swaps) places.forEach(read);
  for (const { view } of [...results, ...updates]) read(view.tensor);
  return counts;
}

function viewOf({ views }: Whole, value: LocalValue): View {
  const view = views.get(value.id);
  if (!view) throw new Error(`value %${value.id} ${value.name} is read before it is made`);
  return view;
}

function lowerSteps(steps: readonly Step<"local">[], whole: Whole): readonly Job<KernelPiece>[] {
  const jobs: Job<KernelPiece>[] = [];
  for (const step of steps) {
    if (step.kind === "repeat") jobs.push(...lowerRepeat(step, whole));
    else {
      const inputs = step.inputs.map((value) => viewOf(whole, value));
      const lowered =
        step.kind === "op"
          ? lowerOp(step, inputs, whole.lowering)
          : step.kind === "stage"
            ? lowerStage(step, inputs, whole.lowering)
            : step.kind === "join"
              ? lowerJoin(step, inputs, whole.lowering)
              : step.kind === "fill"
                ? lowerFill(step, inputs[0]!, whole.lowering)
                : lowerMove(step, inputs[0]!, whole.lowering);
      const unit = whole.units.get(step) ?? null;
      jobs.push(...lowered.jobs.map((job) => (job.kind === "collective" ? { ...job, unit } : job)));
      for (const job of lowered.jobs) {
        const number = constantOf(job);
        if (number !== null && job.kind === "piece") whole.numbers.set(job.writes[0]!.tensor, number);
      }
      step.outputs.forEach((value, o) => {
        whole.views.set(value.id, lowered.views[o]!);
      });
    }
  }
  return jobs;
}

function lowerRepeat(step: RepeatStep<"local">, whole: Whole): readonly Job<KernelPiece>[] {
  const { lowering, views, rounds } = whole;
  const loop = lowering.nextLoop();
  const before: Job<KernelPiece>[] = [];
  const from = originOf("repeat", step);
  const own: KernelPiece[] = [];
  const entries = new Set<Tensor>();
  const tensorLike = (view: View): Tensor => lowering.tensor(view.tensor.name, view.tensor.dtype, view.tensor.shape);
  for (const { outer, inner } of step.shared) views.set(inner.id, viewOf(whole, outer));
  for (const { items, each } of step.stacked) {
    const numbers = items.map((item) => whole.numbers.get(viewOf(whole, item).tensor));
    if (numbers.every((number) => number !== undefined)) {
      const tensor = lowering.tensor(each.name, each.type.dtype, []);
      own.push(roundNumber(tensor, { kind: "round", loop, items: numbers }, from));
      views.set(each.id, wholeView(tensor, lowering.numVariants));
      continue;
    }
    const [first, ...others] = items.map((item) => viewOf(whole, item)) as [View, ...View[]];
    const isOneForm = others.every((other) => sameForm(first, other));
    const shown = [first, ...others].map((view) => {
      if (isOneForm || isWhole(view)) return view;
      const copy = copyOf(view, from, lowering);
      before.push(copy.piece);
      return copy.view;
    });
    const entry = { ...tensorLike(shown[0]!), name: each.name };
    entries.add(entry);
    rounds.set(entry, { loop, items: shown.map(({ tensor }) => tensor) });
    views.set(each.id, rebased(shown[0]!, entry));
  }
  const entering = step.carried.map(({ enter }) => {
    const tensor = lowering.tensor(enter.name, enter.type.dtype, lowering.localShape(enter));
    entries.add(tensor);
    views.set(enter.id, wholeView(tensor, lowering.numVariants));
    return tensor;
  });
  const body = [...own, ...lowerSteps(step.body, whole)];
  const made = new Set(body.flatMap(madeBy));

  /** A tensor of the body's own that holds the value and has no other place. */
  const ownCopy = (view: View): View => {
    const copy = copyOf(view, from, lowering);
    body.push(copy.piece);
    return copy.view;
  };
  const leaving = step.carried.map(({ leave }) => {
    const view = viewOf(whole, leave);
    const isFree = isWhole(view) && made.has(view.tensor) && !rounds.has(view.tensor);
    return isFree ? view.tensor : ownCopy(view).tensor;
  });
  leaving.forEach((tensor, i) => {
    if (leaving.indexOf(tensor) < i) leaving[i] = ownCopy(wholeView(tensor, lowering.numVariants)).tensor;
  });
  const makes: Tensor[] = [];
  /** Where an entered or left tensor is collected, round by round. */
  const lines = new Map<Tensor, readonly Tensor[]>();
  const place = (like: Tensor): Tensor => {
    const tensor = lowering.tensor(like.name, like.dtype, like.shape);
    makes.push(tensor);
    return tensor;
  };
  const collect = ({ each, items }: RepeatStep<"local">["collected"][number]): void => {
    let shown = viewOf(whole, each);
    if (!made.has(shown.tensor) && !entries.has(shown.tensor)) {
      for (const item of items) views.set(item.id, shown);
      return;
    }
    if (!lines.has(shown.tensor)) {
      const isEntered = entering.includes(shown.tensor);
      const isFree = isEntered || (made.has(shown.tensor) && !rounds.has(shown.tensor));
      if (!isFree || isWasteful(shown, lowering)) shown = ownCopy(shown);
      const { tensor } = shown;
      const row = items.map(({ name }) => place({ ...tensor, name }));
      lines.set(tensor, row);
      whole.rows.push(row);
      if (!entering.includes(tensor)) rounds.set(tensor, { loop, items: row });
    }
    const row = lines.get(shown.tensor)!;
    items.forEach((item, i) => {
      views.set(item.id, rebased(shown, row[i]!));
    });
  };
  const isLeft = (entry: RepeatStep<"local">["collected"][number]): boolean =>
    leaving.includes(viewOf(whole, entry.each).tensor);
  for (const entry of step.collected) if (isLeft(entry)) collect(entry);
  const copyTo = (view: View, tensor: Tensor): void => {
    before.push(copyOf(view, from, lowering, tensor).piece);
  };
  step.carried.forEach(({ start }, i) => {
    const left = lines.get(leaving[i]!);
    if (!left) return;
    const startView = viewOf(whole, start);
    const first = isWhole(startView) ? startView.tensor : place(entering[i]!);
    if (first !== startView.tensor) copyTo(startView, first);
    lines.set(entering[i]!, [first, ...left.slice(0, -1)]);
  });
  for (const entry of step.collected) if (!isLeft(entry)) collect(entry);
  step.carried.forEach(({ start, result }, i) => {
    const [enter, leave] = [entering[i]!, leaving[i]!];
    const [entered, left] = [lines.get(enter), lines.get(leave)];
    let last: Tensor;
    if (left) {
      rounds.set(enter, { loop, items: entered! });
      last = left.at(-1)!;
    } else if (entered) {
      copyTo(viewOf(whole, start), entered[0]!);
      last = place(enter);
      rounds.set(enter, { loop, items: entered });
      rounds.set(leave, { loop, items: [...entered.slice(1), last] });
    } else {
      const places = [place(enter), place(enter)] as const;
      copyTo(viewOf(whole, start), places[0]);
      const at = (round: number): Tensor => places[round % 2]!;
      rounds.set(enter, { loop, items: Array.from({ length: step.count }, (_, round) => at(round)) });
      rounds.set(leave, { loop, items: Array.from({ length: step.count }, (_, round) => at(round + 1)) });
      whole.swaps.push({ loop, enter, leave, places });
      last = at(step.count);
    }
    views.set(result.id, wholeView(last, lowering.numVariants));
  });
  const job: LoopJob = {
    kind: "loop",
    loop,
    count: step.count,
    name: nameOf(step),
    phase: step.phase,
    isTable: whole.isTable(step),
    makes,
    body: { jobs: body },
  };
  return [...before, job];
}

/** A number that is another one in each round. */
const roundNumber = (tensor: Tensor, number: RankNumber, from: LaunchOrigin): KernelPiece => ({
  kind: "piece",
  outer: [],
  inner: [],
  letters: new Map(),
  passes: [{ kind: "store", output: 0, over: "outer", value: attribute("round") }],
  reads: [],
  writes: [{ tensor, dims: [] }],
  numbers: new Map([["round", number]]),
  flops: 0,
  from,
});

/** A whole number that is known now. */
function constantOf(job: Job<KernelPiece>): number | null {
  if (job.kind !== "piece" || job.reads.length > 0 || job.writes.length !== 1) return null;
  const [pass] = job.passes;
  const { tensor } = job.writes[0]!;
  if (pass?.kind !== "store" || pass.value.kind !== "constant" || tensor.dtype !== "i32") return null;
  return tensor.shape.length === 0 && Number.isSafeInteger(pass.value.value) ? pass.value.value : null;
}

/** `model.blocks.*.attn`: blocks. */
function nameOf({ scope, body }: RepeatStep<"local">): string {
  const inside = body.find((step) => step.scope.includes("*"))?.scope ?? scope;
  const parts = inside.split(".");
  const star = parts.indexOf("*");
  return (star > 0 ? parts[star - 1] : undefined) ?? "rounds";
}

function madeBy(job: Job<KernelPiece>): readonly Tensor[] {
  switch (job.kind) {
    case "piece":
      return job.writes.map(({ tensor }) => tensor);
    case "call":
      return job.ways[0].operands.flatMap(({ role, view }) => (role === "write" ? [view.tensor] : []));
    case "collective":
      return job.parts.map(({ target }) => target);
    case "loop":
      return job.makes;
    default:
      return [];
  }
}

/** Whether keeping the whole tensor would hold much more than the value. */
function isWasteful({ shape, tensor }: View, { numVariants }: Lowering): boolean {
  return most(product(tensor.shape, numVariants)) > 1.25 * most(product(shape, numVariants));
}
