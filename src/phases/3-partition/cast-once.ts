// Purpose: parameters that several repeats cast alike, forward and backward, are cast once, in a repeat of its own before the
// first of them: that is small work over many tensors, which the schedule makes one launch. What is gathered stays cast
// where it is: it should not be held longer than its round. Needs: a local program whose moves are in their bodies. Leaves:
// the same numbers. Example: with bf16, the weights of twelve blocks in one kernel instead of six kernels a block and way.
import type { LocalGraph, LocalValue, OpStep, RepeatStep, Step } from "../../ir/graph.js";
import type { Program } from "../../ir/program.js";
import { removeDeadSteps } from "../../ir/remove-dead-steps.js";
import { highestId } from "../../ir/steps.js";
import { numBytesOf } from "../../ir/tensor-type.js";
import { castStep } from "./cast-step.js";
import { isCast } from "./move-into-repeats.js";
import { type Readers, readersOf } from "./readers.js";

export function castOnce(program: Program<"local">): Program<"local"> {
  if (program.precision.compute === "f32") return program;
  const graphs = new Map([...program.graphs].map(([name, graph]) => [name, rewriteGraph(graph)] as const));
  return { ...program, graphs };
}

type Repeat = RepeatStep<"local">;
type LocalOp = OpStep<"local">;

/** A cast in a body of what is stacked there, or of a view of it. */
interface StackedCast {
  readonly entry: Repeat["stacked"][number];
  readonly view: LocalOp | null;
  readonly cast: LocalOp;
}

const dtypeOf = ({ cast }: StackedCast) => cast.outputs[0]!.type.dtype;
const keyOf = (item: LocalValue, cast: StackedCast): string => `${item.id} ${dtypeOf(cast)}`;

function rewriteGraph(graph: LocalGraph): LocalGraph {
  const resting = new Set(graph.inputs.flatMap(({ value, source }) => (source.kind === "state" ? [value.id] : [])));
  const readers = readersOf(graph);
  const casts = new Map<Repeat, readonly StackedCast[]>();
  const counts = new Map<string, number>();
  for (const step of graph.steps) {
    if (step.kind !== "repeat") continue;
    const found = castsIn(step, resting, readers);
    casts.set(step, found);
    for (const key of new Set(found.flatMap((cast) => cast.entry.items.map((item) => keyOf(item, cast)))))
      counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const isShared = (cast: StackedCast): boolean => cast.entry.items.every((item) => counts.get(keyOf(item, cast))! > 1);
  let lastId = highestId(graph);
  const newId = (): number => ++lastId;
  /** What is cast by now. */
  const known = new Map<string, LocalValue>();
  const steps = graph.steps.flatMap((step): readonly Step<"local">[] => {
    const shared = step.kind === "repeat" ? casts.get(step)!.filter(isShared) : [];
    if (step.kind !== "repeat" || shared.length === 0) return [step];
    const before = castsBefore(step, shared, known, newId);
    return [...(before ? [before] : []), shared.reduce((now, cast) => takeCast(now, cast, known, newId), step)];
  });
  return known.size === 0 ? graph : removeDeadSteps({ ...graph, steps });
}

function castsIn({ stacked, body }: Repeat, resting: ReadonlySet<number>, readers: Readers): readonly StackedCast[] {
  const found: StackedCast[] = [];
  const entries = new Map(
    stacked.flatMap((entry) => (entry.items.every(({ id }) => resting.has(id)) ? [[entry.each.id, entry]] : [])),
  );
  const views = new Map<number, LocalOp>();
  for (const step of body) {
    if (step.kind !== "op" || step.inputs.length !== 1) continue;
    const [input] = step.inputs;
    const [output] = step.outputs;
    if (entries.has(input!.id) && isView(step)) views.set(output!.id, step);
    if (!isNarrowing(step) || output!.filled.some((fill) => fill !== null)) continue;
    const view = views.get(input!.id) ?? null;
    const entry = entries.get((view ?? step).inputs[0]!.id);
    const areOps = readers.get(output!.id)?.every((reader) => reader?.kind === "op") ?? false;
    if (entry && areOps) found.push({ entry, view, cast: step });
  }
  return found;
}

const isNarrowing = (step: LocalOp): boolean =>
  isCast(step) && numBytesOf[step.outputs[0]!.type.dtype] < numBytesOf[step.inputs[0]!.type.dtype];

function isView({ op, attrs, inputs, outputs }: LocalOp): boolean {
  const types = (values: readonly LocalValue[]) => values.map(({ type }) => type);
  return op.lower(types(inputs), types(outputs), attrs).kind === "regroup";
}

/** A repeat that casts, of what `repeat` wants, all that is not cast yet; null where there is nothing. Adds it to `known`. */
function castsBefore(
  repeat: Repeat,
  casts: readonly StackedCast[],
  known: Map<string, LocalValue>,
  newId: () => number,
): Repeat | null {
  const [stacked, collected, body]: [Repeat["stacked"][number][], Repeat["collected"][number][], LocalOp[]] = [
    [],
    [],
    [],
  ];
  for (const cast of casts) {
    const { items, each } = cast.entry;
    if (items.every((item) => known.has(keyOf(item, cast)))) continue;
    const inside = { ...each, id: newId() };
    const step = castStep(inside, dtypeOf(cast), newId(), cast.cast);
    const [made] = step.outputs;
    const results = items.map(({ name, gradientOf }): LocalValue => ({ ...made!, id: newId(), name, gradientOf }));
    items.forEach((item, i) => {
      known.set(keyOf(item, cast), results[i]!);
    });
    stacked.push({ items, each: inside });
    collected.push({ each: made!, items: results });
    body.push(step);
  }
  const { kind, count, origin, scope, phase } = repeat;
  return body.length === 0
    ? null
    : { kind, count, carried: [], stacked, shared: [], collected, body, origin, scope, phase };
}

/** The repeat that reads what is cast already in the place of a cast of its own. */
function takeCast(
  repeat: Repeat,
  of: StackedCast,
  known: ReadonlyMap<string, LocalValue>,
  newId: () => number,
): Repeat {
  const { entry, view, cast } = of;
  const items = entry.items.map((item) => known.get(keyOf(item, of))!);
  const [output] = cast.outputs;
  const each: LocalValue = view
    ? { ...entry.each, id: newId(), type: items[0]!.type, filled: items[0]!.filled }
    : output!;
  const inPlace: readonly Step<"local">[] = view ? [{ ...view, inputs: [each], outputs: [output!] }] : [];
  return {
    ...repeat,
    stacked: [...repeat.stacked, { items, each }],
    body: repeat.body.flatMap((step): readonly Step<"local">[] => (step === cast ? inPlace : [step])),
  };
}
