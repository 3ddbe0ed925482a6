// Parts that came round the ranks of an axis, side by side: one kernel that takes each place from the part that has it.
// Which part that is depends on where the rank stands: the part of rank r came after as many rounds as r is before it.
import type { JoinStep } from "../../ir/graph.js";
import { apply, attribute, index, input, type Scalar } from "../../ir/kernel.js";
import type { RankNumber } from "../../ir/scheduled.js";
import { dimLetters } from "../../ops/factors.js";
import { dealingOf, ownPlace } from "./dealing.js";
import type { LoweredOp } from "./lower-op.js";
import { type Lowering, originOf } from "./lowering.js";
import { makePiece } from "./make-piece.js";
import { wholeView } from "./views.js";
import type { View } from "./work.js";

export function lowerJoin(step: JoinStep, views: readonly View[], lowering: Lowering): LoweredOp {
  const { axis, dim } = step;
  const [after] = step.outputs;
  const shape = lowering.localShape(after);
  const tensor = lowering.tensor(after.name, after.type.dtype, shape);
  const letters = dimLetters(shape.length);
  const part = views[0]!.shape[dim]!;
  const dealing = dealingOf(step.inputs[0]!, dim, part, axis, lowering);
  const { rank, rest } = ownPlace(dealing, index(letters[dim]!));
  const at = letters.map((letter, d) => (d === dim ? rest : index(letter)));
  const last = views.length - 1;
  const value = views
    .slice(0, -1)
    .reduceRight<Scalar>(
      (others, _, by) => apply("select", apply("equal", rank, attribute(`rank${by}`)), input(by, at), others),
      input(last, at),
    );
  const ranks = views
    .slice(0, -1)
    .map((_, by): [string, RankNumber] => [`rank${by}`, { kind: "coordinate", axis, by }]);
  const term = letters.map((letter) => [letter]);
  const jobs = makePiece(
    {
      outer: letters,
      inner: [],
      sizes: new Map(letters.map((letter, d) => [letter, shape[d]!])),
      passes: [{ kind: "store", output: 0, over: "outer", value }],
      inputs: views.map((view) => ({ view, term })),
      outputs: [{ tensor, term }],
      numbers: new Map([...dealing.numbers, ...ranks]),
      from: originOf("join", step),
    },
    lowering,
  );
  return { jobs, views: [wholeView(tensor, lowering.numVariants)] };
}
