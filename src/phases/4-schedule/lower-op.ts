// One op of a local graph as work for this rank: a changed view, a piece of a kernel, or a call of the runtime.
import type { LocalValue, OpStep } from "../../ir/graph.js";
import { numberAt } from "../../ir/interpret-kernel.js";
import type { KernelBody, KernelPass, Scalar } from "../../ir/kernel.js";
import { attribute } from "../../ir/kernel.js";
import { letterSplit } from "../../ir/local-typing.js";
import { localAttributes } from "../../ir/localize.js";
import { coordinatesOf } from "../../ir/mesh.js";
import type { Amount, RankNumber } from "../../ir/scheduled.js";
import { type StepLetters, stepLetters } from "../../ir/step-letters.js";
import { type Factors, parseFactors } from "../../ops/factors.js";
import type { Lowering as OpLowering, RuntimeCall } from "../../ops/op.js";
import { isUniform } from "./amounts.js";
import { type Lowering, originOf } from "./lowering.js";
import { copyOf, makePiece } from "./make-piece.js";
import { zipScalars } from "./scalars.js";
import { partsByLetter, regroupView, sliceView, wholeView } from "./views.js";
import type { CallJob, CallWay, Job, KernelPiece, View } from "./work.js";

export interface LoweredOp {
  readonly jobs: readonly Job<KernelPiece>[];
  /** One for each result. */
  readonly views: readonly View[];
}

interface OpSizes {
  readonly letters: StepLetters;
  readonly factors: Factors;
  /** This rank's sizes of all letters. */
  readonly sizes: ReadonlyMap<string, Amount>;
  readonly inputShapes: readonly (readonly Amount[])[];
  readonly outputShapes: readonly (readonly Amount[])[];
}

export function lowerOp(step: OpStep<"local">, inputs: readonly View[], lowering: Lowering): LoweredOp {
  const whole = step.inputs.map(({ type }) => type.shape);
  const letters = stepLetters(step.op, whole, step.attrs);
  const sizes = new Map(
    [...letters.sizes].map(([letter, size]) => [letter, lowering.localSize(size, letterSplit(step.choice, letter))]),
  );
  const of: OpSizes = {
    letters,
    factors: parseFactors(step.op.factors(whole, step.attrs)),
    sizes,
    inputShapes: step.inputs.map((value) => lowering.localShape(value)),
    outputShapes: step.outputs.map((value) => lowering.localShape(value)),
  };
  const attrs = lowering.variants.map((degrees) =>
    localAttributes(step.op, step.attrs, letters, step.choice, degrees, coordinatesOf(0, degrees)),
  );
  const lowered = lowerings(step, of, attrs, lowering);
  const [first] = lowered as [OpLowering];
  switch (first.kind) {
    case "regroup":
    case "slice":
      return changedView(step, first, of, inputs[0]!, lowering);
    case "loops":
      return loops(step, lowered as readonly { readonly body: KernelBody }[], of, attrs, inputs, lowering);
    case "call":
      return callOf(
        step,
        lowered.map((each) => (each as { readonly call: RuntimeCall }).call),
        of,
        attrs,
        inputs,
        lowering,
      );
  }
}

/** The record's lowering in each variant; one where nothing differs. */
function lowerings(
  step: OpStep<"local">,
  { inputShapes, outputShapes }: OpSizes,
  attrs: readonly unknown[],
  lowering: Lowering,
): readonly OpLowering[] {
  const isSame = [...inputShapes, ...outputShapes].every((shape) => shape.every(isUniform));
  const typesIn = (values: readonly LocalValue[], shapes: readonly (readonly Amount[])[], variant: number) =>
    values.map(({ type }, i) => ({ dtype: type.dtype, shape: shapes[i]!.map((size) => size[variant]!) }));
  const count = isSame ? 1 : lowering.numVariants;
  return Array.from({ length: count }, (_, variant) =>
    step.op.lower(
      typesIn(step.inputs, inputShapes, variant),
      typesIn(step.outputs, outputShapes, variant),
      attrs[variant],
    ),
  );
}

function changedView(
  step: OpStep<"local">,
  lowered: Extract<OpLowering, { kind: "regroup" | "slice" }>,
  { factors, sizes, outputShapes }: OpSizes,
  view: View,
  lowering: Lowering,
): LoweredOp {
  const [shape] = outputShapes as [readonly Amount[]];
  const change = (from: View): View | null =>
    lowered.kind === "regroup"
      ? regroupView(from, factors.inputs[0]!, factors.outputs[0]!, sizes, shape)
      : sliceView(
          from,
          lowered.dim,
          lowering.amount(lowered.start),
          lowering.amount(lowered.step),
          shape[lowered.dim]!,
        );
  const changed = change(view);
  if (changed) return { jobs: [], views: [changed] };
  const copy = copyOf(view, originOf(step.op.name, step), lowering);
  const again = change(copy.view);
  if (!again) throw new Error(`${step.op.name} cannot be a view even of a copy`);
  return { jobs: [copy.piece], views: [again] };
}

function loops(
  step: OpStep<"local">,
  lowered: readonly { readonly body: KernelBody }[],
  { letters, factors, sizes, outputShapes }: OpSizes,
  attrs: readonly unknown[],
  inputs: readonly View[],
  lowering: Lowering,
): LoweredOp {
  const numbers = new Map<string, RankNumber>();
  const body = oneBody(lowered, numbers);
  addNumbers(step, letters, attrs, body, numbers, lowering);
  const outputs = step.outputs.map(({ name, type }, o) => ({
    tensor: lowering.tensor(name, type.dtype, outputShapes[o]!),
    term: factors.outputs[o]!,
  }));
  const jobs = makePiece(
    {
      ...body,
      sizes,
      inputs: inputs.map((view, i) => ({ view, term: factors.inputs[i]! })),
      outputs,
      numbers,
      from: originOf(step.op.name, step),
    },
    lowering,
  );
  return { jobs, views: outputs.map(({ tensor }) => wholeView(tensor, lowering.numVariants)) };
}

/** Bodies that differ in constants alone become one, with numbers for these constants. */
function oneBody(lowered: readonly { readonly body: KernelBody }[], numbers: Map<string, RankNumber>): KernelBody {
  const [{ body: first }] = lowered as [{ readonly body: KernelBody }];
  if (lowered.length === 1) return first;
  const memo = new Map<Scalar, Scalar>();
  const join = (values: readonly number[]): Scalar => {
    const name = `size${numbers.size + 1}`;
    numbers.set(name, { kind: "amount", amount: values });
    return attribute(name);
  };
  const passes = first.passes.map((pass, p): KernelPass => {
    const others = lowered.map(({ body }) => body.passes[p]!);
    const zip = (scalars: readonly Scalar[]): Scalar => zipScalars(scalars, join, memo);
    return pass.kind === "reduce"
      ? { ...pass, of: zip(others.map((each) => (each as typeof pass).of)) }
      : { ...pass, value: zip(others.map((each) => (each as typeof pass).value)) };
  });
  return { ...first, passes };
}

/** What `attribute(path)` means on this rank, for each path that the body reads. */
function addNumbers(
  step: OpStep<"local">,
  letters: StepLetters,
  attrs: readonly unknown[],
  body: KernelBody,
  numbers: Map<string, RankNumber>,
  lowering: Lowering,
): void {
  const text = new Set<string>();
  for (const path of attributePaths(body)) if (!numbers.has(path)) text.add(path);
  for (const path of text) numbers.set(path, numberOf(step, path, letters, attrs, lowering));
}

function attributePaths(body: KernelBody): ReadonlySet<string> {
  const paths = new Set<string>();
  const seen = new Set<Scalar>();
  const walk = (scalar: Scalar): void => {
    if (seen.has(scalar)) return;
    seen.add(scalar);
    if (scalar.kind === "attribute") paths.add(scalar.path);
    else if (scalar.kind === "apply") scalar.args.forEach(walk);
    else if (scalar.kind === "input") scalar.at?.forEach(walk);
  };
  for (const pass of body.passes) walk(pass.kind === "reduce" ? pass.of : pass.value);
  return paths;
}

function numberOf(
  step: OpStep<"local">,
  path: string,
  letters: StepLetters,
  attrs: readonly unknown[],
  lowering: Lowering,
): RankNumber {
  const local = step.op.localize(step.attrs).find((each) => each.path === path && step.choice.letters.has(each.letter));
  if (local && local.take !== "count")
    return {
      kind: local.take,
      size: letters.sizes.get(local.letter)!,
      split: letterSplit(step.choice, local.letter),
      plus: local.take === "start" ? numberAt(step.attrs, path) : 0,
      turn: step.choice.turn?.letter === local.letter ? step.choice.turn : undefined,
      time: lowering.timeOf(step),
    };
  return { kind: "amount", amount: Array.from({ length: lowering.numVariants }, (_, v) => numberAt(attrs[v], path)) };
}

function callOf(
  step: OpStep<"local">,
  calls: readonly RuntimeCall[],
  { letters, factors, sizes, outputShapes }: OpSizes,
  attrs: readonly unknown[],
  inputs: readonly View[],
  lowering: Lowering,
): LoweredOp {
  const [call] = calls as [RuntimeCall];
  const from = originOf(step.op.name, step);
  const copies: KernelPiece[] = [];
  const outputs = step.outputs.map(({ name, type }, o) =>
    wholeView(lowering.tensor(name, type.dtype, outputShapes[o]!), lowering.numVariants),
  );
  const copied = new Map<number, View>();
  /** Reads an input through a copy where a dim cannot be cut at its letters. */
  const cut = (role: "input" | "output", index: number) => {
    const term = role === "input" ? factors.inputs[index]! : factors.outputs[index]!;
    const view = role === "input" ? (copied.get(index) ?? inputs[index]!) : outputs[index]!;
    const parts = partsByLetter(view, term, sizes);
    if (parts) return { view, parts };
    const copy = copyOf(view, from, lowering);
    copies.push(copy.piece);
    copied.set(index, copy.view);
    return { view: copy.view, parts: partsByLetter(copy.view, term, sizes)! };
  };
  const way = ({ groups: of, operands }: Pick<RuntimeCall, "groups" | "operands">): CallWay => ({
    groups: Object.entries(of).map(([group, names]) => ({
      group,
      size: names.map((name) => sizes.get(name)!).reduce((a, b) => a.map((x, v) => x * b[v]!), lowering.one),
    })),
    operands: operands.map(({ name, role, index, groups, unit }) => {
      const { view, parts } = cut(role, index);
      return {
        name,
        role: role === "input" ? ("read" as const) : ("write" as const),
        view,
        groups: groups.map((group) => ({ group, parts: of[group]!.flatMap((letter) => parts.get(letter) ?? []) })),
        unit,
      };
    }),
  });
  const job: CallJob = {
    kind: "call",
    symbol: call.symbol,
    ways: [way(call), ...(call.alternatives ?? []).map(way)],
    options: Object.entries(call.options).map(([name, value]) => ({
      name,
      value: typeof value === "object" ? numberOf(step, value.attribute, letters, attrs, lowering) : value,
    })),
    workspace: Array.from({ length: lowering.numVariants }, (_, v) => calls[v % calls.length]!.workspace),
    from,
  };
  return { jobs: [...copies, job], views: outputs };
}
