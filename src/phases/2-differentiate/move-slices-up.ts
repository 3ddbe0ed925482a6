// Purpose: what only a slice reads is computed for the sliced places alone: a slice moves in front of the op that made
// its operand, along a letter that the op carries from inputs to result. Needs: a logical graph before its gradients are
// made. Leaves: the same results with less work. Example: a loss on `logits.slice(1, 0, -1)` multiplies T - 1 rows by the
// vocabulary, not T, and its gradient is never padded at the width of the vocabulary.
import { BlockBuilder, ValueIds } from "../../ir/build.js";
import type { LogicalGraph, LogicalValue, OpStep, Step } from "../../ir/graph.js";
import { highestId, readsOf } from "../../ir/steps.js";
import { parseFactors } from "../../ops/factors.js";
import { slice } from "../../ops/table.js";

export function moveSlicesUp(graph: LogicalGraph): LogicalGraph {
  const ids = new ValueIds(highestId(graph) + 1);
  const ends = [...graph.results, ...graph.updates, ...graph.observed].map(({ value }) => value);
  return { ...graph, steps: moveIn(graph.steps, ends, ids) };
}

function moveIn(
  given: readonly Step<"logical">[],
  ends: readonly LogicalValue[],
  ids: ValueIds,
): readonly Step<"logical">[] {
  const reads = new Map<number, number>();
  const count = ({ id }: LogicalValue): void => void reads.set(id, (reads.get(id) ?? 0) + 1);
  for (const step of given) readsOf(step).forEach(count);
  ends.forEach(count);
  const slices = new Map<number, OpStep<"logical">>();
  const moved: Step<"logical">[] = [];
  // From the last step to the first: a slice is met before what it slices, and waits for it in `slices`.
  const visit = (step: Step<"logical">): void => {
    if (step.kind === "repeat") {
      const inside = [...step.carried.map(({ leave }) => leave), ...step.collected.map(({ each }) => each)];
      moved.push({ ...step, body: moveIn(step.body, inside, ids) });
      return;
    }
    const waiting = step.kind === "op" ? step.outputs.flatMap(({ id }) => slices.get(id) ?? []) : [];
    const [one] = waiting;
    if (step.kind === "op" && one && waiting.length === 1) {
      const early = sliceInputs(step, one, reads, ids);
      if (early) {
        moved.push(early.step);
        for (const own of [...early.slices].reverse()) visit(own);
        return;
      }
    }
    for (const slicing of [...waiting].reverse()) moved.push(slicing);
    if (
      step.kind === "op" &&
      step.inputs.length === 1 &&
      reads.get(step.inputs[0]!.id) === 1 &&
      cutOf(step) !== null &&
      !slices.has(step.inputs[0]!.id)
    ) {
      slices.set(step.inputs[0]!.id, step);
      return;
    }
    moved.push(step);
  };
  for (const step of [...given].reverse()) visit(step);
  const made = new Set(moved.flatMap((step) => (step.kind === "op" ? step.outputs.map(({ id }) => id) : [])));
  // What slices the block's own inputs or a repeat's results has met no op: it stands where its operand is known.
  const left = [...slices.values()].filter(({ outputs }) => !made.has(outputs[0]!.id));
  return placeLeft(moved.reverse(), left);
}

/** What an op cuts out of its operand, where that is all that it does. */
function cutOf({ op, attrs, inputs, outputs }: OpStep<"logical">) {
  const lowering = op.lower(
    inputs.map(({ type }) => type),
    outputs.map(({ type }) => type),
    attrs,
  );
  if (lowering.kind !== "slice") return null;
  const { dim, start, step } = lowering;
  return { dim, start, step, count: outputs[0]!.type.shape[dim]!, size: inputs[0]!.type.shape[dim]! };
}

/** The op on sliced inputs, or null where its record does not carry the dim through from inputs to the result. */
function sliceInputs(
  maker: OpStep<"logical">,
  slicing: OpStep<"logical">,
  reads: ReadonlyMap<number, number>,
  ids: ValueIds,
): { step: OpStep<"logical">; slices: readonly OpStep<"logical">[] } | null {
  const { op, attrs, inputs, outputs } = maker;
  // A plan says where the whole value lies: in front of it, it may be split along the dim that is sliced.
  if (op.mark !== undefined) return null;
  const cut = cutOf(slicing)!;
  const { dim } = cut;
  const text = op.factors(
    inputs.map(({ type }) => type.shape),
    attrs,
  );
  const factors = parseFactors(text);
  const at = outputs.findIndex(({ id }) => id === slicing.inputs[0]!.id);
  const letters = factors.outputs[at]![dim]!;
  const [letter] = letters;
  if (letter === undefined || letters.length !== 1 || text.includes(`[${letter}]`)) return null;
  if (letter in op.sizes(attrs) || op.localize(attrs).some((local) => local.letter === letter)) return null;
  if (outputs.some(({ id }, o) => o !== at && (reads.get(id) ?? 0) > 0)) return null;
  const places = factors.inputs.map((term) => term.findIndex((part) => part.includes(letter)));
  if (places.every((place) => place < 0)) return null;
  if (factors.inputs.some((term) => term.some((part) => part.includes(letter) && part.length > 1))) return null;
  const block = new BlockBuilder(ids, { origin: slicing.origin, scope: slicing.scope, phase: slicing.phase });
  const sliced = inputs.map((value, i) =>
    places[i]! < 0 ? value : block.emit(slice, [value], { ...cut, dim: places[i]! }, { name: value.name })[0]!,
  );
  const remade = outputs.map((value, o) => {
    if (o === at) return slicing.outputs[0]!;
    const shape = value.type.shape.map((size, d) =>
      factors.outputs[o]![d]!.includes(letter) ? slicing.outputs[0]!.type.shape[dim]! : size,
    );
    return { ...value, type: { ...value.type, shape } };
  });
  return { step: { ...maker, inputs: sliced, outputs: remade }, slices: block.steps as OpStep<"logical">[] };
}

function placeLeft(steps: readonly Step<"logical">[], left: readonly OpStep<"logical">[]): readonly Step<"logical">[] {
  if (left.length === 0) return steps;
  const made = new Map<number, number>();
  steps.forEach((step, i) => {
    if (step.kind === "repeat") {
      for (const { result } of step.carried) made.set(result.id, i);
      for (const { items } of step.collected) for (const { id } of items) made.set(id, i);
    } else for (const { id } of step.outputs) made.set(id, i);
  });
  const behind = new Map<number, OpStep<"logical">[]>();
  for (const step of left) {
    const at = made.get(step.inputs[0]!.id) ?? -1;
    behind.set(at, [...(behind.get(at) ?? []), step]);
  }
  return [...(behind.get(-1) ?? []), ...steps.flatMap((step, i) => [step, ...(behind.get(i) ?? [])])];
}
