// Purpose: compute in bf16 where records say that it is safe. A `compute` op gets its floats in bf16, a `full` op in f32,
// a `follow` op in the widest of its operands' types, where numbers and what is made of nothing but numbers do not count.
// Parameters stay f32 and are cast where they are used, once in each block; results, updates and what is carried from
// round to round keep their types, and so do losses. Update phases are left as they are.
// Needs: a logical graph before its gradients are made: they come back through the casts. Example: a Linear's product is
// bf16, the sum of it and an f32 residual is f32.
import { BlockBuilder, placeOf, ValueIds } from "../../ir/build.js";
import type { LogicalGraph, LogicalValue, OpStep, RepeatStep, Step } from "../../ir/graph.js";
import type { Program } from "../../ir/program.js";
import { highestId, makesOf, replaceInStep } from "../../ir/steps.js";
import { type DType, isFloat } from "../../ir/tensor-type.js";
import { cast } from "../../ops/table.js";

export function mixPrecision(program: Program<"logical">): Program<"logical"> {
  const { compute } = program.precision;
  if (compute === "f32") return program;
  if (compute !== "bf16") throw new Error(`a program computes in f32 or bf16, not ${compute}`);
  const graphs = [...program.graphs].map(([name, graph]) => [name, mixGraph(graph)] as const);
  return { ...program, graphs: new Map(graphs) };
}

function mixGraph(graph: LogicalGraph): LogicalGraph {
  const mixing: Mixing = { now: new Map(), weak: new Set(), types: new Map() };
  for (const { value, source } of graph.inputs)
    if (source.kind === "scalar" && value.type.shape.length === 0) mixing.weak.add(value.id);
  const block = newBlock(new ValueIds(highestId(graph) + 1));
  for (const step of graph.steps) mixStep(step, block, mixing);
  const end = <E extends { readonly value: LogicalValue }>(list: readonly E[]): readonly E[] =>
    list.map((each) => ({ ...each, value: asBefore(each.value, block, mixing) }));
  const [results, updates, observed] = [end(graph.results), end(graph.updates), end(graph.observed)];
  return { ...graph, steps: block.builder.steps, results, updates, observed };
}

interface Mixing {
  /** By id, a value with the type that it has now. */
  readonly now: Map<number, LogicalValue>;
  /** Values that are made of numbers alone: they take the type that is asked for. */
  readonly weak: Set<number>;
  /** By id, the type that a value had. */
  readonly types: Map<number, DType>;
}

interface Block {
  readonly builder: BlockBuilder;
  /** Casts of this block, by id and type. */
  readonly casts: Map<string, LogicalValue>;
}
const newBlock = (ids: ValueIds): Block => ({ builder: new BlockBuilder(ids), casts: new Map() });

const current = (value: LogicalValue, { now }: Mixing): LogicalValue => now.get(value.id) ?? value;

function as(dtype: DType, value: LogicalValue, block: Block): LogicalValue {
  if (value.type.dtype === dtype || !isFloat(value.type.dtype)) return value;
  const key = `${value.id} ${dtype}`;
  const known = block.casts.get(key);
  if (known) return known;
  const [made] = block.builder.emit(cast, [value], { dtype }, { name: value.name });
  block.casts.set(key, made!);
  return made!;
}

/** The value in the type that it had before. */
const asBefore = (value: LogicalValue, block: Block, mixing: Mixing): LogicalValue =>
  as(mixing.types.get(value.id) ?? value.type.dtype, current(value, mixing), block);

function mixStep(step: Step<"logical">, block: Block, mixing: Mixing): void {
  for (const { id, type } of makesOf(step)) mixing.types.set(id, type.dtype);
  block.builder.place = placeOf(step);
  if (step.kind === "op") mixOp(step, block, mixing);
  else if (step.kind === "repeat") mixRepeat(step, block, mixing);
  else block.builder.push(replaceInStep(step, (value) => asBefore(value, block, mixing)));
}

function mixOp(step: OpStep<"logical">, block: Block, mixing: Mixing): void {
  const before = step.inputs.map((value) => current(value, mixing));
  if (before.every(({ id }) => mixing.weak.has(id))) for (const { id } of step.outputs) mixing.weak.add(id);
  const wanted = wantedType(step, before, mixing);
  const inputs =
    wanted === null
      ? step.inputs.map((value) => asBefore(value, block, mixing))
      : before.map((value) => as(wanted, value, block));
  const dtypes = step.op.dtypes(
    inputs.map(({ type }) => type.dtype),
    step.attrs,
  );
  const outputs = step.outputs.map((value, o) => retyped(value, dtypes[o]!));
  for (const value of outputs) mixing.now.set(value.id, value);
  block.builder.push({ ...step, inputs, outputs });
}

const retyped = (value: LogicalValue, dtype: DType): LogicalValue =>
  value.type.dtype === dtype ? value : { ...value, type: { ...value.type, dtype } };

/** The type of the floats that an op reads; null: as the user wrote it. */
function wantedType(
  { op, phase, inputs }: OpStep<"logical">,
  before: readonly LogicalValue[],
  { weak }: Mixing,
): DType | null {
  if (phase === "update") return null;
  if (op.precision === "compute") return "bf16";
  if (op.precision === "full") return "f32";
  if (inputs.length === 1) return before[0]!.type.dtype;
  const floats = before.filter(({ type }) => isFloat(type.dtype));
  const telling = floats.filter(({ id }) => !weak.has(id));
  const types = (telling.length > 0 ? telling : floats).map(({ type }) => type.dtype);
  return types.every((dtype) => dtype === "bf16") && types.length > 0 ? "bf16" : "f32";
}

function mixRepeat(step: RepeatStep<"logical">, block: Block, mixing: Mixing): void {
  const inner = newBlock(block.builder.ids);
  const carried = step.carried.map((entry) => ({ ...entry, start: asBefore(entry.start, block, mixing) }));
  const stacked = step.stacked.map(({ items, each }) => ({
    items: items.map((item) => asBefore(item, block, mixing)),
    each,
  }));
  const shared = step.shared.map(({ outer, inner: value }) => {
    const now = current(outer, mixing);
    const seen = retyped(value, now.type.dtype);
    mixing.now.set(value.id, seen);
    mixing.types.set(value.id, value.type.dtype);
    if (mixing.weak.has(outer.id)) mixing.weak.add(value.id);
    return { outer: now, inner: seen };
  });
  for (const each of step.body) mixStep(each, inner, mixing);
  inner.builder.place = placeOf(step);
  const leaving = carried.map(({ leave, enter }) => as(enter.type.dtype, current(leave, mixing), inner));
  const collected = step.collected.map(({ each, items }) => {
    const now = current(each, mixing);
    const made = items.map((item) => retyped(item, now.type.dtype));
    for (const item of made) mixing.now.set(item.id, item);
    return { each: now, items: made };
  });
  block.builder.repeat({
    count: step.count,
    carried: carried.map((entry, i) => ({ ...entry, leave: leaving[i]! })),
    stacked,
    shared,
    collected,
    body: inner.builder.steps,
  });
}
