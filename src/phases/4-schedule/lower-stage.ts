// What stages of a pipeline say to each other, and what puts microbatches together: transfers of contiguous memory, and
// kernels.
import type { LocalValue, Move, StageStep, Step } from "../../ir/graph.js";
import { apply, attribute, constant, index, input, type Scalar } from "../../ir/kernel.js";
import type { RankNumber } from "../../ir/scheduled.js";
import { dimLetters } from "../../ops/factors.js";
import { contiguous } from "./contiguous.js";
import type { LoweredOp } from "./lower-op.js";
import { type Lowering, originOf } from "./lowering.js";
import { makePiece } from "./make-piece.js";
import { wholeView } from "./views.js";
import type { CollectiveJob, Tensor, View } from "./work.js";

/** Nothing, as a value. */
export function zeroOf(step: Step<"local">, value: LocalValue, lowering: Lowering): LoweredOp {
  const tensor = lowering.tensor(value.name, value.type.dtype, lowering.localShape(value));
  return made(step, tensor, [], constant(0), lowering);
}

/** A tensor of which every place is `value` of the same places of all views. */
function made(
  step: Step<"local">,
  tensor: Tensor,
  views: readonly View[],
  value: Scalar,
  lowering: Lowering,
  numbers: readonly (readonly [string, RankNumber])[] = [],
): LoweredOp {
  const letters = dimLetters(tensor.shape.length);
  const term = letters.map((letter) => [letter]);
  const jobs = makePiece(
    {
      outer: letters,
      inner: [],
      sizes: new Map(letters.map((letter, dim) => [letter, tensor.shape[dim]!])),
      passes: [{ kind: "store", output: 0, over: "outer", value }],
      inputs: views.map((view) => ({ view, term })),
      outputs: [{ tensor, term }],
      numbers: new Map(numbers),
      from: originOf(step.kind === "stage" ? step.act.what : step.kind, step),
    },
    lowering,
  );
  return { jobs, views: [wholeView(tensor, lowering.numVariants)] };
}

/** What stages say to each other, and what joins microbatches. */
export function lowerStage(step: StageStep, inputs: readonly View[], lowering: Lowering): LoweredOp {
  const { act } = step;
  switch (act.what) {
    case "send": {
      const source = contiguous(step, act.what, inputs[0]!, lowering);
      return { jobs: [...source.jobs, transfer(step, act, source.tensor)], views: [] };
    }
    case "receive": {
      const value = step.outputs[0]!;
      const target = lowering.tensor(value.name, value.type.dtype, lowering.localShape(value));
      return { jobs: [transfer(step, act, target)], views: [wholeView(target, lowering.numVariants)] };
    }
    case "contribute":
      return inputs[0] ? { jobs: [], views: [inputs[0]] } : zeroOf(step, step.outputs[0]!, lowering);
    case "join":
      return joinMicrobatches(step, act.move, inputs, lowering);
  }
}

const transfer = (
  step: StageStep,
  { what, peer, channel }: Extract<StageStep["act"], { what: "send" | "receive" }>,
  tensor: Tensor,
): CollectiveJob => ({
  kind: "collective",
  what,
  axis: "pp",
  reduction: "sum",
  parts: [{ source: tensor, target: tensor }],
  unit: null,
  transfer: { peer, channel, group: step.microbatch === undefined ? null : `${step.phase} ${step.microbatch}` },
  from: originOf(what, step),
});

/** Microbatches added up, or one behind the other. */
function joinMicrobatches(step: StageStep, move: Move, inputs: readonly View[], lowering: Lowering): LoweredOp {
  const [first] = inputs;
  if (inputs.length === 1) return { jobs: [], views: [first!] };
  const after = step.outputs[0]!;
  const tensor = lowering.tensor(after.name, after.type.dtype, lowering.localShape(after));
  if (move.what === "all-reduce") {
    const by = move.reduction === "max" ? "max" : "add";
    const terms = inputs.map((_, k) => input(k));
    return made(
      step,
      tensor,
      inputs,
      terms.reduce((a, b) => apply(by, a, b)),
      lowering,
    );
  }
  const letters = dimLetters(tensor.shape.length);
  const own = letters[move.dim]!;
  const numbers = [["count", { kind: "amount", amount: first!.shape[move.dim]! }]] as const;
  const part = (k: number): Scalar => {
    const place = apply("sub", index(own), apply("mul", constant(k), attribute("count")));
    const element = input(
      k,
      letters.map((letter, d) => (d === move.dim ? place : index(letter))),
    );
    if (k === inputs.length - 1) return element;
    const isBefore = apply("less", index(own), apply("mul", constant(k + 1), attribute("count")));
    return apply("select", isBefore, element, part(k + 1));
  };
  return made(step, tensor, inputs, part(0), lowering, numbers);
}
