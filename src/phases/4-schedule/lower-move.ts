// Collectives move contiguous memory: whatever they do along other dims than the outermost is packed before, by a kernel,
// and seen through a view (or, where there is padding to leave out, copied) behind. Slices and `own` are kernels alone.

import type { FillStep, LocalValue, MoveStep } from "../../ir/graph.js";
import { apply, attribute, constant, index, input, type Scalar } from "../../ir/kernel.js";
import type { Amount, RankNumber } from "../../ir/scheduled.js";
import { dimLetters } from "../../ops/factors.js";
import { is, sameAmount, times } from "./amounts.js";
import { contiguous } from "./contiguous.js";
import { dealingOf, ownPlace, sharedPlace } from "./dealing.js";
import type { LoweredOp } from "./lower-op.js";
import { zeroOf } from "./lower-stage.js";
import { type Lowering, originOf } from "./lowering.js";
import { copyOf, makePiece } from "./make-piece.js";
import { isWhole, joined, sliceView, splitDim, wholeView } from "./views.js";
import type { CollectiveJob, KernelPiece, Part, Tensor, View } from "./work.js";

/** A kernel over every place of `shape` (letters a, b, ...), reading one view. */
function pieceOver(
  shape: readonly Amount[],
  tensor: Tensor,
  view: View,
  value: Scalar,
  numbers: readonly (readonly [string, RankNumber])[],
  step: MoveStep | FillStep,
  lowering: Lowering,
): readonly KernelPiece[] {
  const letters = dimLetters(shape.length);
  const term = letters.map((letter) => [letter]);
  const name = step.kind === "move" ? step.move.what : "fill";
  return makePiece(
    {
      outer: letters,
      inner: [],
      sizes: new Map(letters.map((letter, dim) => [letter, shape[dim]!])),
      passes: [{ kind: "store", output: 0, over: "outer", value }],
      inputs: [{ view, term }],
      outputs: [{ tensor, term }],
      numbers: new Map(numbers),
      from: originOf(name, step),
    },
    lowering,
  );
}

export function lowerFill(step: FillStep, view: View, lowering: Lowering): LoweredOp {
  const [before] = step.inputs;
  const shape = lowering.localShape(before);
  const tensor = lowering.tensor(before.name, before.type.dtype, shape);
  const split = before.placement.dims[step.dim]!;
  const size = before.type.shape[step.dim]!;
  const valid: RankNumber = {
    kind: "valid",
    size,
    split,
    plus: 0,
    turn: before.turn?.dim === step.dim ? before.turn : undefined,
    time: lowering.timeOf(step),
  };
  const inside = apply("less", index(dimLetters(shape.length)[step.dim]!), attribute("valid"));
  const value = apply("select", inside, input(0), constant(step.fill));
  const jobs = pieceOver(shape, tensor, view, value, [["valid", valid]], step, lowering);
  return { jobs, views: [wholeView(tensor, lowering.numVariants)] };
}

export function lowerMove(step: MoveStep, view: View, lowering: Lowering): LoweredOp {
  switch (step.move.what) {
    case "own":
      return own(step, view, lowering);
    case "slice":
      return slice(step, view, lowering);
    case "all-reduce":
      return allReduce(step, view, lowering);
    case "reduce-scatter":
      return reduceScatter(step, view, lowering);
    case "all-gather":
      return allGather(step, view, lowering);
    case "all-to-all":
      return allToAll(step, view, lowering);
    case "permute":
      return permute(step, view, lowering);
  }
}

/** The first rank keeps all, the others nothing. */
function own(step: MoveStep, view: View, lowering: Lowering): LoweredOp {
  if (step.move.axis === "microbatch")
    return step.microbatch === 0 ? { jobs: [], views: [view] } : zeroOf(step, step.outputs[0], lowering);
  const tensor = resultOf(step, lowering);
  const isFirst = apply("equal", attribute("coordinate"), constant(0));
  const value = apply("select", isFirst, input(0), constant(0));
  const numbers = [["coordinate", { kind: "coordinate", axis: step.move.axis, by: 0 }]] as const;
  const jobs = pieceOver(tensor.shape, tensor, view, value, numbers, step, lowering);
  return { jobs, views: [wholeView(tensor, lowering.numVariants)] };
}

const resultOf = ({ outputs: [after] }: MoveStep, lowering: Lowering): Tensor =>
  lowering.tensor(after.name, after.type.dtype, lowering.localShape(after));

/** This rank's part (or another's, in rounds) of a dim that every rank holds, zero past the end. */
function slice(step: MoveStep, view: View, lowering: Lowering): LoweredOp {
  const tensor = resultOf(step, lowering);
  const { dim, axis, by = 0 } = step.move;
  if (step.microbatch !== undefined && axis === "microbatch") {
    const count = tensor.shape[dim]!;
    const start = times(count, lowering.amount(step.microbatch));
    const cut = sliceView(view, dim, start, lowering.one, count);
    if (cut) return { jobs: [], views: [cut] };
    const copy = copyOf(view, originOf("slice", step), lowering);
    return { jobs: [copy.piece], views: [sliceView(copy.view, dim, start, lowering.one, count)!] };
  }
  const letters = dimLetters(tensor.shape.length);
  const dealing = dealingOf(step.outputs[0], dim, tensor.shape[dim]!, step.move.axis, lowering);
  const place = sharedPlace(dealing, attribute("coordinate"), index(letters[dim]!));
  const element = input(
    0,
    letters.map((letter, d) => (d === dim ? place : index(letter))),
  );
  const value = apply("select", apply("less", place, attribute("size")), element, constant(0));
  const numbers = [
    ...dealing.numbers,
    ["coordinate", { kind: "coordinate", axis, by }],
    ["size", { kind: "amount", amount: view.shape[dim]! }],
  ] as const;
  const jobs = pieceOver(tensor.shape, tensor, view, value, numbers, step, lowering);
  return { jobs, views: [wholeView(tensor, lowering.numVariants)] };
}

function collective(step: MoveStep, source: Tensor, target: Tensor): CollectiveJob {
  const { what, axis, reduction } = step.move;
  if (what === "slice" || what === "own") throw new Error(`${what} is no collective`);
  return {
    kind: "collective",
    what,
    axis,
    reduction,
    parts: [{ source, target }],
    unit: null,
    from: originOf(what, step),
  };
}

/**
 * A sum may stay in the order of its source: the result is seen as the source was. So a transposed gradient need not be
 * turned for the collective.
 */
function allReduce(step: MoveStep, view: View, lowering: Lowering): LoweredOp {
  const [after] = step.outputs;
  // Stages of a pipeline have it in orders of their own.
  const isOnto = step.move.axis !== "pp" && coversOnce(view, lowering);
  const source = isOnto ? { jobs: [], tensor: view.tensor } : contiguous(step, step.move.what, view, lowering);
  const target = lowering.tensor(after.name, after.type.dtype, source.tensor.shape);
  const result = isOnto ? { ...view, tensor: target } : wholeView(target, lowering.numVariants);
  return { jobs: [...source.jobs, collective(step, source.tensor, target)], views: [result] };
}

/** Whether a view shows each element of its tensor once. */
function coversOnce(view: View, lowering: Lowering): boolean {
  const parts = view.dims.flat();
  if (parts.some(({ dim }) => dim < 0) || !view.offset.every((offset) => is(offset, 0))) return false;
  const count = (sizes: readonly Amount[]): Amount => sizes.reduce(times, lowering.one);
  return sameAmount(count(parts.map(({ size }) => size)), count(view.tensor.shape));
}

const ranksOn = (step: MoveStep, lowering: Lowering): Amount =>
  lowering.variants.map((degrees) => degrees[step.move.axis]);

/** `[ranks, ...local shape]`: for each rank its part of dim `dim`, zero past the end. */
function packed(
  step: MoveStep,
  dim: number,
  view: View,
  local: readonly Amount[],
  lowering: Lowering,
): { jobs: readonly KernelPiece[]; tensor: Tensor } {
  const [before] = step.inputs;
  const ranks = ranksOn(step, lowering);
  const shape = [ranks, ...local];
  const dealing = dealingOf(step.outputs[0], dim, local[dim]!, step.move.axis, lowering);
  const isEven = !dealing.isHeadTail && sameAmount(times(ranks, local[dim]!), view.shape[dim]!);
  if (isEven && isWhole(view) && view.shape.slice(0, dim).every((size) => is(size, 1)))
    return { jobs: [], tensor: view.tensor };
  const tensor = lowering.tensor(before.name, before.type.dtype, shape);
  const cut = isEven ? splitDim(view.dims[dim]!, [ranks, local[dim]!]) : null;
  if (cut) {
    const dims = [cut[0]!, ...view.dims.map((parts, d) => (d === dim ? cut[1]! : parts))];
    const copy = copyOf({ ...view, dims, shape }, originOf(step.move.what, step), lowering, tensor);
    return { jobs: [copy.piece], tensor };
  }
  const letters = dimLetters(shape.length);
  const place = sharedPlace(dealing, index(letters[0]!), index(letters[dim + 1]!));
  const element = input(
    0,
    local.map((_, d) => (d === dim ? place : index(letters[d + 1]!))),
  );
  const value = apply("select", apply("less", place, attribute("size")), element, constant(0));
  const numbers = [...dealing.numbers, ["size", { kind: "amount", amount: view.shape[dim]! }]] as const;
  return { jobs: pieceOver(shape, tensor, view, value, numbers, step, lowering), tensor };
}

/** What came from all ranks, `[ranks, ...part shape]`, as one value joined along `dim` and cut to its size there. */
function unpacked(
  step: MoveStep,
  dim: number,
  tensor: Tensor,
  part: readonly Amount[],
  size: Amount,
  lowering: Lowering,
): LoweredOp {
  const whole = wholeView(tensor, lowering.numVariants);
  const [ranks, ...own] = whole.dims as [readonly Part[], ...(readonly Part[])[]];
  const count = part[dim]!;
  const shape = part.map((each, d) => (d === dim ? size : each));
  const dealing = dealingOf(step.inputs[0], dim, count, step.move.axis, lowering);
  if (!dealing.isHeadTail && sameAmount(times(tensor.shape[0]!, count), size)) {
    const dims = own.map((parts, d) => (d === dim ? joined([...ranks, ...parts]) : parts));
    return { jobs: [], views: [{ ...whole, dims, shape }] };
  }
  const [after] = step.outputs;
  const result = lowering.tensor(after.name, after.type.dtype, shape);
  const letters = dimLetters(shape.length);
  const { rank, rest } = ownPlace(dealing, index(letters[dim]!));
  const value = input(0, [rank, ...letters.map((letter, d) => (d === dim ? rest : index(letter)))]);
  const jobs = pieceOver(shape, result, whole, value, dealing.numbers, step, lowering);
  return { jobs, views: [wholeView(result, lowering.numVariants)] };
}

function reduceScatter(step: MoveStep, view: View, lowering: Lowering): LoweredOp {
  const target = resultOf(step, lowering);
  const source = packed(step, step.move.dim, view, target.shape, lowering);
  return {
    jobs: [...source.jobs, collective(step, source.tensor, target)],
    views: [wholeView(target, lowering.numVariants)],
  };
}

function allGather(step: MoveStep, view: View, lowering: Lowering): LoweredOp {
  const [after] = step.outputs;
  const source = contiguous(step, step.move.what, view, lowering);
  const gathered = lowering.tensor(after.name, after.type.dtype, [ranksOn(step, lowering), ...view.shape]);
  const { dim } = step.move;
  const behind = unpacked(step, dim, gathered, view.shape, lowering.localShape(after)[dim]!, lowering);
  return { jobs: [...source.jobs, collective(step, source.tensor, gathered), ...behind.jobs], views: behind.views };
}

/** The next rank gets what this one has, as it lies: shapes are the same on all. */
function permute(step: MoveStep, view: View, lowering: Lowering): LoweredOp {
  const source = contiguous(step, step.move.what, view, lowering);
  const target = resultOf(step, lowering);
  return {
    jobs: [...source.jobs, collective(step, source.tensor, target)],
    views: [wholeView(target, lowering.numVariants)],
  };
}

/** Each rank gives every other its part of dim `to` and gets parts of dim `dim`. */
function allToAll(step: MoveStep, view: View, lowering: Lowering): LoweredOp {
  const { dim, to } = step.move;
  const after: LocalValue = step.outputs[0];
  const result = lowering.localShape(after);
  const part = view.shape.map((size, d) => (d === to ? result[to]! : size));
  const source = packed(step, to, view, part, lowering);
  const exchanged = lowering.tensor(after.name, after.type.dtype, [ranksOn(step, lowering), ...part]);
  const behind = unpacked(step, dim, exchanged, part, result[dim]!, lowering);
  return { jobs: [...source.jobs, collective(step, source.tensor, exchanged), ...behind.jobs], views: behind.views };
}
