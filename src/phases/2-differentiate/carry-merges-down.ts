// Purpose: dims that are merged (`flatten`) stay apart as long as every op behind treats the merged places one by one, so
// that each of them can be split over ranks: of a merged dim only the outermost letter can. What the merged value's
// readers need besides, and is made of nothing along the dim, is made again. Needs: a logical graph before its gradients
// are made. Leaves: the same results; merges that nobody reads go. Example: cross-entropy on `logits.flatten(0, 1)`,
// `[B T, V]`, works on `[B, T, V]`, and the sequence may be split.
import { BlockBuilder, ValueIds } from "../../ir/build.js";
import type { LogicalGraph, LogicalValue, OpStep, Step } from "../../ir/graph.js";
import { removeDeadSteps } from "../../ir/remove-dead-steps.js";
import { highestId } from "../../ir/steps.js";
import { dimLetters, parseFactors } from "../../ops/factors.js";
import { regroup } from "../../ops/table.js";

/** A value whose dim `dim` is dims of these sizes of another one. */
interface Merged {
  readonly parts: LogicalValue;
  readonly dim: number;
  readonly sizes: readonly number[];
}

interface Carrying {
  readonly ids: ValueIds;
  readonly merged: Map<number, Merged>;
  /** Ops by the values that they make, for those that are made again. */
  readonly makers: Map<number, OpStep<"logical">>;
  readonly block: BlockBuilder;
}

export function carryMergesDown(graph: LogicalGraph): LogicalGraph {
  const steps = carryIn(graph.steps, new ValueIds(highestId(graph) + 1));
  return steps === graph.steps ? graph : removeDeadSteps({ ...graph, steps });
}

function carryIn(steps: readonly Step<"logical">[], ids: ValueIds): readonly Step<"logical">[] {
  const carrying: Carrying = { ids, merged: new Map(), makers: new Map(), block: new BlockBuilder(ids) };
  let isSame = true;
  for (const step of steps) {
    if (step.kind === "op" && carry(step, carrying)) {
      isSame = false;
      continue;
    }
    const body = step.kind === "repeat" ? carryIn(step.body, ids) : null;
    const kept = step.kind === "repeat" && body !== step.body ? { ...step, body: body! } : step;
    if (kept !== step) isSame = false;
    carrying.block.push(kept);
    if (step.kind !== "op") continue;
    for (const { id } of step.outputs) carrying.makers.set(id, step);
    const merged = mergedBy(step);
    if (merged) carrying.merged.set(step.outputs[0]!.id, merged);
  }
  return isSame ? steps : carrying.block.steps;
}

/** What an op merges, where that is all that it does. */
function mergedBy({ op, attrs, inputs, outputs }: OpStep<"logical">): Merged | null {
  const types = [inputs, outputs].map((values) => values.map(({ type }) => type));
  if (inputs.length !== 1 || op.lower(types[0]!, types[1]!, attrs).kind !== "regroup") return null;
  const [input] = inputs as readonly [LogicalValue];
  const factors = parseFactors(op.factors([input.type.shape], attrs));
  const [from, to] = [factors.inputs[0]!, factors.outputs[0]!];
  const dims = to.flatMap((letters, dim) => (letters.length > 1 ? [dim] : []));
  const [dim] = dims;
  if (dim === undefined || dims.length > 1) return null;
  if (from.some((letters) => letters.length !== 1) || String(from.flat()) !== String(to.flat())) return null;
  return { parts: input, dim, sizes: input.type.shape.slice(dim, dim + to[dim]!.length) };
}

/** Emits the op on parts instead of what is merged of them; false where that does not work, or nothing is merged. */
function carry(step: OpStep<"logical">, carrying: Carrying): boolean {
  const first = step.inputs.findIndex(({ id }) => carrying.merged.has(id));
  if (first < 0) return false;
  const { dim, sizes } = carrying.merged.get(step.inputs[first]!.id)!;
  const letters = factorsOf(step).inputs[first]![dim]!;
  if (letters.length !== 1) return false;
  const made = unmerged(step, letters[0]!, sizes, carrying);
  if (made === null) return false;
  carrying.block.push(made);
  step.outputs.forEach((output, o) => {
    const parts = made.outputs[o]!;
    if (parts.id === output.id) return;
    const at = factorsOf(step).outputs[o]!.findIndex((each) => String(each) === String(letters));
    carrying.merged.set(output.id, { parts, dim: at, sizes });
    carrying.block.push(mergeStep(step, parts, output, at, sizes));
  });
  return true;
}

function mergeStep(
  { origin, scope, phase }: OpStep<"logical">,
  parts: LogicalValue,
  output: LogicalValue,
  dim: number,
  sizes: readonly number[],
): OpStep<"logical"> {
  const letters = dimLetters(parts.type.shape.length);
  const [from, group] = [letters.join(""), letters.slice(dim, dim + sizes.length).join("")];
  const inner = sizes.slice(1).map((size, i) => [letters[dim + 1 + i]!, size]);
  const attrs = { factors: `${from}->${from.replace(group, `(${group})`)}`, sizes: Object.fromEntries(inner) };
  return { kind: "op", op: regroup, attrs, inputs: [parts], outputs: [output], choice: null, origin, scope, phase };
}

const factorsOf = ({ op, attrs, inputs }: OpStep<"logical">) =>
  parseFactors(
    op.factors(
      inputs.map(({ type }) => type.shape),
      attrs,
    ),
  );

/**
 * The op with a letter taken apart, in results that have a dim of it too (these are new values); null where its record or
 * one of its operands does not allow it.
 */
function unmerged(
  step: OpStep<"logical">,
  letter: string,
  sizes: readonly number[],
  carrying: Carrying,
): OpStep<"logical"> | null {
  const { op, attrs } = step;
  const shapes = step.inputs.map(({ type }) => type.shape);
  if (op.factors(shapes, attrs).includes(`[${letter}]`) || letter in op.resized(attrs)) return null;
  if (op.localize(attrs).some((local) => local.letter === letter && local.take !== "count")) return null;
  const others: unknown = op.unmerge(attrs, letter, sizes, shapes);
  if (others === null) return null;
  const factors = factorsOf(step);
  const inputs: LogicalValue[] = [];
  for (const [i, input] of step.inputs.entries()) {
    const term = factors.inputs[i]!;
    const dims = term.flatMap((letters, dim) => (letters.includes(letter) ? [dim] : []));
    const [dim] = dims;
    const parts =
      dim === undefined
        ? input
        : dims.length === 1 && term[dim]!.length === 1
          ? partsOf(input, dim, sizes, carrying)
          : null;
    if (parts === null) return null;
    inputs.push(parts);
  }
  const outputs = step.outputs.map((output, o): LogicalValue => {
    const dim = factors.outputs[o]!.findIndex((letters) => letters.length === 1 && letters[0] === letter);
    if (dim < 0) return output;
    const { shape, dtype } = output.type;
    const type = { dtype, shape: [...shape.slice(0, dim), ...sizes, ...shape.slice(dim + 1)] };
    return { ...output, id: carrying.ids.take(), type };
  });
  return { ...step, attrs: others, inputs, outputs };
}

/** A value with a dim taken apart: what was merged, or made again where it is made of nothing along that dim. */
function partsOf(value: LogicalValue, dim: number, sizes: readonly number[], carrying: Carrying): LogicalValue | null {
  const merged = carrying.merged.get(value.id);
  if (merged) return merged.dim === dim && String(merged.sizes) === String(sizes) ? merged.parts : null;
  const maker = carrying.makers.get(value.id);
  if (maker?.outputs.length !== 1) return null;
  const letters = factorsOf(maker).outputs[0]![dim]!;
  const again = letters.length === 1 ? unmerged(maker, letters[0]!, sizes, carrying) : null;
  if (again === null) return null;
  carrying.block.push(again);
  return again.outputs[0]!;
}
