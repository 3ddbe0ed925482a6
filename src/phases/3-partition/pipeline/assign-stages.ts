// Purpose: every step of a local graph gets the stage that does it. Forward, the stage of its module, but none before that
// of what it reads; backward, where its primal is, but none behind; once a step, where its states are. What reads only
// the batch, constants and numbers is made wherever it is asked for. Repeats over layers are cut between layers. Sums of
// numbers from several stages are sums over axis pp. Needs: a local graph whose batch is cut in time. Leaves: the same
// steps, in order, each with a home. Long: one rule a function.
import type { LocalGraph, LocalValue, Move, OpStep, RepeatStep, Step } from "../../../ir/graph.js";
import { type PipelineShape, placeOfStage } from "../../../ir/pipeline.js";
import type { State } from "../../../ir/state.js";
import { entriesOf, highestId, makesOf, readsOf, valuesMadeIn } from "../../../ir/steps.js";
import { numElements } from "../../../ir/tensor-type.js";
import { cutRepeat, unrolled } from "./cut-repeat.js";
import { asTotals, isJoint, overPlaces, type Total, toSum, totalsOf } from "./sum-over-places.js";
import { type Assigned, type AssignedGraph, type Home, isInTime, joinsTime, type Time } from "./work.js";

export interface StageFacts {
  readonly shape: PipelineShape;
  /** The stage of a module's path; null: no stage names it. */
  readonly stageOfPath: (path: string) => number | null;
  /** The stage that holds a state; null: all do. */
  readonly stageOfState: (state: State) => number | null;
}

export function assignStages(graph: LocalGraph, facts: StageFacts): AssignedGraph {
  return new Assigning(graph, facts).run();
}

interface Known {
  readonly home: Home;
  readonly time: Time;
  readonly isState: boolean;
}

class Assigning {
  private readonly entries: Assigned[] = [];
  private readonly known = new Map<number, Known>();
  /** Sums over pp that were made whole. */
  private readonly whole = new Map<number, LocalValue>();
  /** Values that stand for others from now on. */
  private readonly replaced = new Map<number, LocalValue>();
  private lastId: number;
  constructor(
    private readonly graph: LocalGraph,
    private readonly facts: StageFacts,
  ) {
    this.lastId = highestId(graph);
  }

  run(): AssignedGraph {
    for (const { value, source } of this.graph.inputs) {
      const stage = source.kind === "state" ? this.facts.stageOfState(source.state) : null;
      this.known.set(value.id, { home: stage ?? "anywhere", time: "once", isState: source.kind === "state" });
    }
    for (const step of this.graph.steps) this.assign(step);
    const results = this.graph.results.map(({ name, value }) => ({ name, value: this.everywhere(this.now(value)) }));
    const updates = this.graph.updates.map(({ state, value }) => {
      const now = this.now(value);
      return { state, value: this.of(now).home === "sum" ? this.everywhere(now) : now };
    });
    const observed = this.graph.observed.map(({ label, value }) => ({ label, value: this.now(value) }));
    return { entries: this.entries, results, updates, observed };
  }

  private newId = (): number => ++this.lastId;
  private now = (value: LocalValue): LocalValue => {
    const next = this.replaced.get(value.id);
    return next ? this.now(next) : value;
  };
  private of = (value: LocalValue): Known => {
    const known = this.known.get(value.id);
    if (!known) throw new Error(`value %${value.id} ${value.name} is read before it has a stage`);
    return known;
  };
  private placeOf = (home: Home): number | null =>
    typeof home === "number" ? placeOfStage(home, this.facts.shape) : null;

  private push(step: Step<"local">, home: Home, time: Time, more: Partial<Assigned> = {}): void {
    this.entries.push({ step, home, time, joins: joinsTime(step), ...more });
    const after: Time = joinsTime(step) ? "once" : time;
    for (const value of makesOf(step))
      this.known.set(value.id, { home: home === "all" ? "anywhere" : home, time: after, isState: false });
  }

  private assign(original: Step<"local">): void {
    if (original.kind === "repeat") {
      this.assignRepeat(this.renamed(original) as RepeatStep<"local">);
      return;
    }
    const step = this.renamed(original);
    if (joinsTime(step) && !isInTime(step.inputs[0])) {
      // What it reads was joined before.
      this.replaced.set(step.outputs[0].id, step.inputs[0]);
      return;
    }
    if (step.kind === "op" && this.addsAcrossStages(step)) {
      this.addOnce(step);
      return;
    }
    const time = this.timeOf(step, readsOf(step));
    if (step.kind === "op" && time === "once" && this.isSumOverPlaces(step)) {
      this.pushSum(step);
      return;
    }
    if (step.kind === "move" && this.of(step.inputs[0]).home === "sum" && isLinear(step.move)) {
      const outputs = [overPlaces({ ...step.outputs[0], id: this.newId() })] as const;
      this.replaced.set(step.outputs[0].id, outputs[0]);
      this.push({ ...step, outputs }, "sum", "once");
      return;
    }
    const ready = this.withoutSums(step);
    this.push(ready, this.homeOf(ready, time), time);
  }

  private renamed(step: Step<"local">): Step<"local"> {
    const some = readsOf(step).some(({ id }) => this.replaced.has(id));
    if (!some) return step;
    if (step.kind === "repeat")
      return {
        ...step,
        carried: step.carried.map((each) => ({ ...each, start: this.now(each.start) })),
        stacked: step.stacked.map(({ items, each }) => ({ items: items.map(this.now), each })),
        shared: step.shared.map(({ outer, inner }) => ({ outer: this.now(outer), inner })),
      };
    return { ...step, inputs: step.inputs.map(this.now) } as Step<"local">;
  }

  private timeOf(step: Step<"local">, reads: readonly LocalValue[]): Time {
    if (joinsTime(step)) return this.of(step.inputs[0]).time;
    if (![...reads, ...makesOf(step)].some(isInTime)) {
      const inside = step.kind === "repeat" ? [...valuesMadeIn(step.body), ...entriesOf(step)] : [];
      if (!inside.some(isInTime)) return "once";
    }
    return step.phase === "backward" || reads.some((value) => this.of(value).time === "backward")
      ? "backward"
      : "forward";
  }

  // -- one step ------------------------------------------------------------------------------------------------------

  private homeOf(step: Step<"local">, time: Time): Home {
    const reads = readsOf(step);
    const pinned = reads.flatMap((value) => {
      const { home } = this.of(value);
      return typeof home === "number" ? [{ value, home }] : [];
    });
    if (pinned.length === 0) return "anywhere";
    if (joinsTime(step)) return pinned[0]!.home;
    const homes = pinned.map(({ home }) => home);
    const module = this.facts.stageOfPath(step.scope);
    if (time === "once") {
      const states = pinned.filter(({ value }) => this.of(value).isState).map(({ home }) => home);
      const wanted = states[0] ?? this.stageOfPrimal(step) ?? module;
      if (wanted !== null && (states.length > 0 || homes.includes(wanted))) return wanted;
      // What is small goes to what is large.
      return pinned.toSorted((a, b) => numElements(b.value.type.shape) - numElements(a.value.type.shape))[0]!.home;
    }
    const own = pinned.filter(({ value }) => this.of(value).time === time).map(({ home }) => home);
    if (time === "forward") {
      const fixed = pinned.filter(({ value }) => this.of(value).time === "once").map(({ home }) => home);
      return Math.max(module ?? Math.max(...(fixed.length > 0 ? fixed : homes)), ...own);
    }
    const wanted = module ?? this.stageOfPrimal(step) ?? (own.length > 0 ? Math.min(...own) : Math.max(...homes));
    return Math.min(wanted, ...own);
  }

  private stageOfPrimal(step: Step<"local">): number | null {
    for (const { gradientOf } of makesOf(step)) {
      const home = gradientOf === null ? undefined : this.known.get(gradientOf)?.home;
      if (typeof home === "number") return home;
    }
    return null;
  }

  // -- sums over places ----------------------------------------------------------------------------------------------

  /** Numbers that are added up and come from several places, or are sums over places already. */
  private isSumOverPlaces(step: OpStep<"local">): boolean {
    if (step.outputs.length !== 1 || step.outputs[0]!.type.shape.length > 0 || !isJoint(step)) return false;
    if (step.inputs.some((value) => this.of(value).home === "sum")) return true;
    const places = new Set(step.inputs.map((value) => this.placeOf(this.of(value).home)));
    places.delete(null);
    return places.size > 1;
  }

  private pushSum(step: OpStep<"local">): void {
    const inputs = step.inputs.map((value) => this.contributed(value));
    const outputs = step.outputs.map((value) => ({ ...value, id: this.newId() }));
    const summed = toSum({ ...step, inputs, outputs });
    this.replaced.set(step.outputs[0]!.id, summed.outputs[0]!);
    this.push(summed, "sum", "once");
  }

  /** A value that one place has, or all, as a sum over places. */
  private contributed(value: LocalValue): LocalValue {
    const { home } = this.of(value);
    if (home === "sum") return value;
    const term: LocalValue = {
      ...value,
      id: this.newId(),
      placement: { dims: value.placement.dims, partial: { ...value.placement.partial, pp: "sum" } },
      filled: value.filled.map(() => null),
    };
    this.push(
      {
        kind: "stage",
        act: { what: "contribute" },
        inputs: [value],
        outputs: [term],
        origin: null,
        scope: "",
        phase: "update",
      },
      "sum",
      "once",
    );
    return term;
  }

  /** A value as every place has it. */
  private everywhere(value: LocalValue): LocalValue {
    const { home } = this.of(value);
    if (home === "anywhere" || home === "all" || this.facts.shape.numPlaces === 1) return value;
    const known = this.whole.get(value.id);
    if (known) return known;
    const term = this.contributed(value);
    const after: LocalValue = { ...value, id: this.newId(), filled: value.filled.map(() => null) };
    const { pp: _, ...partial } = term.placement.partial;
    const whole: LocalValue = { ...after, placement: { dims: term.placement.dims, partial } };
    this.push(
      {
        kind: "move",
        move: { what: "all-reduce", axis: "pp", dim: -1, to: -1, unit: 1, reduction: "sum" },
        inputs: [term],
        outputs: [whole],
        origin: null,
        scope: "",
        phase: "update",
      },
      "all",
      "once",
    );
    this.whole.set(value.id, whole);
    return whole;
  }

  /** Whoever cannot take sums over places gets them whole. */
  private withoutSums<S extends Step<"local">>(step: S): S {
    for (const value of readsOf(step))
      if (this.of(value).home === "sum") this.replaced.set(value.id, this.everywhere(value));
    return this.renamed(step) as S;
  }

  // -- terms of one gradient from several stages -----------------------------------------------------------------------

  /** Sums over microbatches that meet from several places, or one that was made whole in time already. */
  private addsAcrossStages(step: OpStep<"local">): boolean {
    const pass = step.choice.pass.get("microbatch");
    if (!pass) return false;
    const taken = pass.map((i) => step.inputs[i]!);
    if (taken.some((value) => !isInTime(value))) return true;
    const places = new Set(taken.map((value) => this.placeOf(this.of(value).home)));
    return taken.length > 1 && places.size > 1;
  }

  /** Each term is added up on its own stage; then they meet, once. */
  private addOnce(step: OpStep<"local">): void {
    const pass = new Map(step.choice.pass);
    pass.delete("microbatch");
    const inputs = step.inputs.map((value) => this.joined(value));
    const outputs = step.outputs.map((value): LocalValue => {
      const { microbatch: _, ...partial } = value.placement.partial;
      return { ...value, id: this.newId(), placement: { dims: value.placement.dims, partial } };
    });
    step.outputs.forEach(({ id }, o) => {
      this.replaced.set(id, outputs[o]!);
    });
    this.assign({ ...step, inputs, outputs, choice: { ...step.choice, pass } });
  }

  private joined(value: LocalValue): LocalValue {
    if (!isInTime(value)) return value;
    const known = this.whole.get(value.id);
    if (known) return known;
    const { microbatch: _, ...partial } = value.placement.partial;
    const after: LocalValue = { ...value, id: this.newId(), placement: { dims: value.placement.dims, partial } };
    this.assign({
      kind: "move",
      move: { what: "all-reduce", axis: "microbatch", dim: -1, to: -1, unit: 1, reduction: "sum" },
      inputs: [value],
      outputs: [after],
      origin: null,
      scope: "",
      phase: "backward",
    });
    this.whole.set(value.id, after);
    return after;
  }

  // -- repeats -------------------------------------------------------------------------------------------------------

  private assignRepeat(step: RepeatStep<"local">): void {
    if (step.body.some((inner) => hasJoins(inner))) {
      const written = unrolled(step, this.newId);
      for (const each of written.steps) this.assign(each);
      for (const [id, value] of written.results) this.replaced.set(id, this.now(value));
      return;
    }
    const time = this.timeOf(step, readsOf(step));
    const stages = this.stagesOfRounds(step, time);
    const totals = time === "once" && stages ? totalsOf(step) : null;
    if (stages && totals && this.isTotalOverPlaces(step, stages)) {
      this.pushTotals(step, stages, totals);
      return;
    }
    const ready = this.withoutSums(step);
    if (stages === null) {
      this.push(ready, "anywhere", time);
      return;
    }
    for (const { stage, repeat } of cutRepeat(ready, stages, this.newId)) this.push(repeat, stage, time);
  }

  /** The stage of each round; null: it is made wherever it is asked for. */
  private stagesOfRounds(step: RepeatStep<"local">, time: Time): readonly number[] | null {
    const homeOf = (value: LocalValue): number | null => {
      const { home } = this.of(value);
      return typeof home === "number" ? home : null;
    };
    const outside = [...step.carried.map(({ start }) => start), ...step.shared.map(({ outer }) => outer)];
    const isOwn = (value: LocalValue): boolean => this.of(value).time === time;
    const numbers = (values: readonly LocalValue[]): readonly number[] =>
      values.map(homeOf).filter((home) => home !== null);
    const around = numbers(outside.filter((value) => time === "once" || isOwn(value)));
    let limit = around;
    const stages: (number | null)[] = [];
    for (let round = 0; round < step.count; round++) {
      const items = step.stacked.map((stack) => stack.items[round]!);
      const states = numbers(items.filter((value) => this.of(value).isState));
      const others = numbers(items);
      const own = numbers(items.filter(isOwn));
      const module = this.facts.stageOfPath(step.scope);
      const wanted = states[0] ?? (others.length > 0 ? Math.max(...others) : module);
      if (time === "once") stages.push(wanted ?? (around.length > 0 ? Math.max(...around) : null));
      else {
        const bounds = [...limit, ...own];
        const bound = bounds.length === 0 ? null : time === "forward" ? Math.max(...bounds) : Math.min(...bounds);
        const stage =
          wanted === null || bound === null
            ? (wanted ?? bound)
            : time === "forward"
              ? Math.max(wanted, bound)
              : Math.min(wanted, bound);
        stages.push(stage);
        if (stage !== null && step.carried.length > 0) limit = [...limit, stage];
      }
    }
    const found = stages.filter((stage) => stage !== null);
    if (found.length === 0) {
      const all = numbers(readsOf(step));
      return all.length === 0 ? null : stages.map(() => Math.max(...all));
    }
    let last = found[0]!;
    return stages.map((stage) => {
      last = stage ?? last;
      return last;
    });
  }

  private isTotalOverPlaces(step: RepeatStep<"local">, stages: readonly number[]): boolean {
    const homes = step.carried.map(({ start }) => this.of(start).home);
    if (homes.includes("sum")) return true;
    const places = new Set([...stages, ...homes].map(this.placeOf));
    places.delete(null);
    return places.size > 1;
  }

  private pushTotals(original: RepeatStep<"local">, stages: readonly number[], totals: readonly Total[]): void {
    const starts = original.carried.map(({ start }) => this.contributed(start));
    const shared = original.shared.map(({ outer, inner }) => ({
      outer: this.of(outer).home === "sum" ? this.everywhere(outer) : outer,
      inner,
    }));
    const { step, rounds } = asTotals({ ...original, shared }, starts, totals, stages, this.facts.shape, this.newId);
    original.carried.forEach(({ result }, i) => {
      this.replaced.set(result.id, step.carried[i]!.result);
    });
    this.push(step, "sum", "once", { rounds });
  }
}

/** Whether a sum over places may be moved term by term. */
const isLinear = ({ what, axis, reduction }: Move): boolean =>
  axis !== "microbatch" && (what === "own" || (what === "all-reduce" && reduction === "sum"));

const hasJoins = (step: Step<"local">): boolean =>
  step.kind === "repeat" ? step.body.some(hasJoins) : joinsTime(step);
