// Emits the small graphs of records at the local level: every letter is split as the operands that have it are. An op
// without operands is made where, and as often as, a reader asks for it.
import { localPlaceOf, type StepPlace } from "../../../ir/build.js";
import type { Choice, LocalValue, LogicalValue, OpStep, Step } from "../../../ir/graph.js";
import { requiredPlacement, resultPlacements, turnsOfParts } from "../../../ir/local-typing.js";
import type { MeshFacts } from "../../../ir/mesh-facts.js";
import { type Axis, type Cut, partialAxes } from "../../../ir/placement.js";
import { type StepLetters, stepLetters } from "../../../ir/step-letters.js";
import type { Emitter, Op } from "../../../ops/op.js";
import { letterCut } from "../letter-units.js";
import { resultTypes } from "../take-apart.js";

const whole: Choice = { letters: new Map(), cuts: new Map(), pass: new Map() };

export class LocalEmitter implements Emitter {
  readonly steps: Step<"local">[] = [];
  /** Values of ops without operands, which are not made yet. */
  private readonly floating = new Map<number, OpStep<"local">>();
  constructor(
    private readonly place: StepPlace & { readonly microbatch?: number },
    private readonly facts: MeshFacts,
    private readonly newId: () => number,
  ) {}

  emit<A>(op: Op<A>, inputs: readonly LogicalValue[], attrs: A): readonly LocalValue[] {
    const operands = inputs as readonly LocalValue[];
    const letters = stepLetters(
      op,
      operands.map(({ type }) => type.shape),
      attrs,
    );
    const choice = this.choiceFor(op, attrs, operands, letters);
    const there = operands.map((value, i) => this.made(value, letters, choice, i));
    const types = resultTypes(op, there, attrs);
    const placements = resultPlacements(op, letters, choice, this.facts);
    const turns = turnsOfParts(
      there.map(({ turn }) => turn),
      letters,
      placements,
      this.degreeOf(there),
    );
    const outputs = types.map(
      (type, o): LocalValue => ({
        id: this.newId(),
        type,
        name: "",
        gradientOf: null,
        placement: placements[o]!,
        filled: type.shape.map(() => null),
        ...(turns[o] ? { turn: turns[o] } : {}),
      }),
    );
    const step: OpStep<"local"> = {
      kind: "op",
      op,
      attrs,
      inputs: there,
      outputs,
      choice,
      ...localPlaceOf(this.place),
    };
    if (operands.length === 0) this.floating.set(outputs[0]!.id, step);
    else this.steps.push(step);
    return outputs;
  }

  private choiceFor<A>(op: Op<A>, attrs: A, operands: readonly LocalValue[], letters: StepLetters): Choice {
    const fixed = operands.flatMap((value, i) => (this.floating.has(value.id) ? [] : [{ value, i }]));
    if (fixed.length === 0) return whole;
    const split = new Map<string, readonly Axis[]>();
    const cuts = new Map<string, Cut>();
    const pass = new Map<Axis, readonly number[]>();
    for (const { value, i } of fixed) {
      value.placement.dims.forEach((dim, d) => {
        const { letter } = letters.inputs[i]![d]!;
        if (dim.axes.length === 0 || split.has(letter)) return;
        const cut = letterCut(letters.inputs[i]![d]!, dim, letters, this.facts);
        if (cut === null) throw new Error(`${op.name} in rounds: dim ${d} of operand ${i} is cut inside '${letter}'`);
        split.set(letter, dim.axes);
        cuts.set(letter, cut);
      });
      for (const axis of partialAxes(value.placement)) {
        const set = op.linear(operands.length, attrs).find((each) => each.includes(i));
        if (!set) throw new Error(`${op.name} in rounds takes a sum over ${axis} in parts`);
        pass.set(axis, set);
      }
    }
    return { letters: split, cuts, pass };
  }

  private made(value: LocalValue, letters: StepLetters, choice: Choice, index: number): LocalValue {
    const step = this.floating.get(value.id);
    if (!step) return value;
    const own = stepLetters(step.op, [], step.attrs);
    const wanted = requiredPlacement(index, letters, choice, this.facts);
    const split = new Map<string, readonly Axis[]>();
    const cuts = new Map<string, Cut>();
    wanted.dims.forEach((dim, d) => {
      const cut = letterCut(own.outputs[0]![d]!, dim, own, this.facts);
      if (dim.axes.length === 0) return;
      if (cut === null) throw new Error(`${step.op.name} in rounds: it cannot be made cut like its reader`);
      split.set(own.outputs[0]![d]!.letter, dim.axes);
      cuts.set(own.outputs[0]![d]!.letter, cut);
    });
    const made: LocalValue = { ...value, id: this.newId(), placement: wanted };
    this.steps.push({ ...step, choice: { letters: split, cuts, pass: new Map() }, outputs: [made] });
    return made;
  }

  private degreeOf(values: readonly LocalValue[]): number {
    const turn = values.find((value) => value.turn)?.turn;
    const degree = turn ? this.facts.mesh.degrees[turn.axis] : 1;
    if (degree === "auto") throw new Error("rounds need a known number of ranks");
    return degree;
  }
}
