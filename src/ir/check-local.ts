// The checker of local graphs: placements are types. Every step's inputs must be what its op and choice demand, every
// result what they yield, padding that counts must be filled, and inputs, results and updates must be where the plan
// promised them. It believes the records; that is what their generic tests are for.
import type { Op } from "../ops/op.js";
import type { JoinStep, LocalGraph, LocalValue, MoveStep, OpStep, RepeatStep, StageStep, Step } from "./graph.js";
import {
  neutralFills,
  requiredPlacement,
  requiredTurn,
  resultPlacements,
  resultTurns,
  turnsOfParts,
} from "./local-typing.js";
import type { MeshFacts } from "./mesh-facts.js";
import { joinedPlacement, placementAfter, turnAfter } from "./move-type.js";
import type { Origin } from "./origin.js";
import { type Placement, samePlacement } from "./placement.js";
import { showPlacement } from "./placement-text.js";
import type { PlacementPlan } from "./program.js";
import { type StepLetters, stepLetters } from "./step-letters.js";
import { sameType, showType } from "./tensor-type.js";
import { sameTurn, showTurn, type Turn, turnOf } from "./turn.js";

export interface LocalProblem {
  readonly message: string;
  readonly origin: Origin | null;
}

/** Empty where every claim of the graph holds. */
export function checkLocalGraph(graph: LocalGraph, plan: PlacementPlan, facts: MeshFacts): readonly LocalProblem[] {
  const problems: LocalProblem[] = [];
  let origin: Origin | null = null;
  const report: Report = (message) => problems.push({ message, origin });
  const known = new Map<number, LocalValue>();
  for (const { value, source } of graph.inputs) {
    define(value, known, report);
    const promised =
      source.kind === "state"
        ? plan.states.get(source.state)?.rest
        : source.kind === "batch"
          ? plan.batch.get(source.field)
          : null;
    if (promised === undefined) report(`the plan has no placement for input ${describe(value)}`);
    else if (promised !== null) expectPlacement(`input ${describe(value)}`, value.placement, promised, report);
  }
  const walk = (steps: readonly Step<"local">[], scope: Map<number, LocalValue>): void => {
    for (const step of steps) {
      ({ origin } = step);
      try {
        checkStep(step, scope, walk, facts, report);
      } catch (fault) {
        report((fault as Error).message);
      }
    }
  };
  walk(graph.steps, known);
  origin = null;
  for (const { state, value } of graph.updates) {
    read(value, known, report);
    const promised = plan.states.get(state);
    if (!promised) report(`the plan has no placement for ${state.name}`);
    else expectPlacement(`the new ${state.name}`, value.placement, promised.rest, report);
    expectTurn(`the new ${state.name}`, value.turn, undefined, report);
  }
  for (const { name, value } of graph.results) {
    read(value, known, report);
    expectTurn(`result ${name}`, value.turn, undefined, report);
    if (value.type.shape.length === 0)
      expectPlacement(`result ${name}`, value.placement, { dims: [], partial: {} }, report);
  }
  for (const { value } of graph.observed) read(value, known, report);
  return problems;
}

type Report = (message: string) => void;
type Scope = Map<number, LocalValue>;

const describe = ({ id, name }: LocalValue): string => (name === "" ? `%${id}` : `%${id} (${name})`);

function expectPlacement(what: string, have: Placement, want: Placement, report: Report): void {
  if (!samePlacement(have, want)) report(`${what} is ${showPlacement(have)}, not ${showPlacement(want)}`);
}

function expectTurn(what: string, have: Turn | undefined, want: Turn | undefined, report: Report): void {
  const shown = (turn: Turn | undefined): string => (turn ? `turned (${showTurn(turn)})` : "this rank's own and whole");
  if (!sameTurn(have, want)) report(`${what} is ${shown(have)}, not ${shown(want)}`);
}

function define(value: LocalValue, scope: Scope, report: Report): void {
  if (scope.has(value.id)) report(`${describe(value)} is made twice`);
  const { dims, partial } = value.placement;
  const axes = [...dims.flatMap((dim) => dim.axes), ...Object.keys(partial)];
  if (dims.length !== value.type.shape.length)
    report(`${describe(value)} has ${value.type.shape.length} dims, its placement ${dims.length}`);
  const isTwice = (axis: string, i: number): boolean => axes.indexOf(axis) !== i && axis !== value.turn?.axis;
  if (axes.some(isTwice)) report(`${describe(value)} names an axis twice: ${showPlacement(value.placement)}`);
  scope.set(value.id, value);
}

/** A value is read as it was made. */
function read(value: LocalValue, scope: Scope, report: Report): void {
  const made = scope.get(value.id);
  if (!made) {
    report(`${describe(value)} is read before it is made`);
    return;
  }
  const sameFills = value.filled.every((fill, dim) => fill === null || fill === made.filled[dim]);
  const isSame = sameType(value.type, made.type) && samePlacement(value.placement, made.placement);
  if (!isSame || !sameTurn(value.turn, made.turn) || !sameFills)
    report(`${describe(value)} is read as ${show(value)} and was made as ${show(made)}`);
}

const show = ({ type, placement, filled, turn }: LocalValue): string =>
  `${showType(type)} ${showPlacement(placement)}${turn ? ` turn(${showTurn(turn)})` : ""} filled with ${filled.map((fill) => fill ?? "-").join(", ")}`;

function checkStep(
  step: Step<"local">,
  scope: Scope,
  walk: (steps: readonly Step<"local">[], scope: Scope) => void,
  facts: MeshFacts,
  report: Report,
): void {
  if (step.kind === "repeat") {
    checkRepeat(step, scope, walk, report);
    return;
  }
  for (const value of step.inputs) read(value, scope, report);
  if (step.kind === "op") checkOp(step, facts, report);
  else if (step.kind === "move") checkMove(step, facts, report);
  else if (step.kind === "join") checkJoin(step, facts, report);
  else if (step.kind === "stage") checkStage(step, facts, report);
  else {
    const [before] = step.inputs;
    const [after] = step.outputs;
    const filled = before.filled.map((fill, dim) => (dim === step.dim ? step.fill : fill));
    const want = { ...before, filled };
    if (!same(after, want)) report(`fill makes ${show(after)}, not ${show(want)}`);
  }
  for (const value of step.outputs) define(value, scope, report);
}

const same = (a: LocalValue, b: LocalValue): boolean =>
  sameType(a.type, b.type) &&
  samePlacement(a.placement, b.placement) &&
  sameTurn(a.turn, b.turn) &&
  a.filled.every((fill, dim) => fill === b.filled[dim]);

function checkMove({ move, inputs: [before], outputs: [after] }: MoveStep, facts: MeshFacts, report: Report): void {
  const name = `${move.what} over ${move.axis} of ${describe(before)}`;
  if (!facts.axes.includes(move.axis)) report(`${name}: the axis has one rank`);
  const placement = placementAfter(move, before.placement, before.type.shape, facts);
  expectPlacement(name, after.placement, placement, report);
  if (!sameType(before.type, after.type)) report(`${name} makes ${showType(after.type)} of ${showType(before.type)}`);
  expectTurn(name, after.turn, turnAfter(move, before, after.placement, facts), report);
  // A part travels with its padding.
  const isKept = (fill: number | null, dim: number): boolean => move.what === "permute" && fill === before.filled[dim];
  if (after.filled.some((fill, dim) => fill !== null && !isKept(fill, dim)))
    report(`${name}: nothing is known of the padding of its result`);
}

/** Both sides of a transfer are compared by `check-collectives.ts`. */
function checkStage({ act, inputs, outputs }: StageStep, facts: MeshFacts, report: Report): void {
  const [after] = outputs;
  for (const before of inputs) {
    const name = `${act.what} of ${describe(before)}`;
    if (after && !sameType(before.type, after.type)) report(`${name} makes ${showType(after.type)}`);
    if (act.what === "contribute")
      expectPlacement(
        name,
        after!.placement,
        { ...before.placement, partial: { ...before.placement.partial, pp: "sum" } },
        report,
      );
    if (act.what === "join")
      expectPlacement(
        name,
        after!.placement,
        placementAfter(act.move, before.placement, before.type.shape, facts),
        report,
      );
  }
  if (act.what === "contribute" && after?.placement.partial.pp !== "sum") report("a term of no sum is contributed");
  // What is received is filled as it was sent.
  if (act.what !== "receive" && after?.filled.some((fill) => fill !== null))
    report(`${describe(after)}: nothing is known of its padding`);
}

/** One part of each rank, in the order in which they came. */
function checkJoin({ axis, dim, inputs, outputs: [after] }: JoinStep, facts: MeshFacts, report: Report): void {
  const name = `join over ${axis} of ${inputs.map(describe).join(", ")}`;
  const degree = facts.mesh.degrees[axis];
  if (degree === "auto" || inputs.length !== degree) report(`${name}: there are ${degree} ranks`);
  const split = inputs[0]!.placement.dims[dim];
  if (split?.axes.at(-1) !== axis || degree === "auto") {
    report(`${name}: it is not the innermost split of dim ${dim}`);
    return;
  }
  inputs.forEach((value, by) => {
    if (!sameType(value.type, after.type)) report(`${name} makes ${showType(after.type)} of ${showType(value.type)}`);
    expectPlacement(`${name} input ${by}`, value.placement, inputs[0]!.placement, report);
    expectTurn(
      `${name} input ${by}`,
      value.turn,
      turnOf({ axis, by, dim, rounds: [] }, value.placement, degree),
      report,
    );
  });
  expectPlacement(name, after.placement, joinedPlacement(inputs[0]!.placement, dim), report);
  expectTurn(name, after.turn, undefined, report);
  if (after.filled.some((fill) => fill !== null)) report(`${name}: nothing is known of its padding`);
}

function checkOp(step: OpStep<"local">, facts: MeshFacts, report: Report): void {
  const { op, attrs, choice } = step;
  const shapes = step.inputs.map(({ type }) => type.shape);
  const letters = stepLetters(op, shapes, attrs);
  for (const letter of choice.letters.keys()) {
    if (letters.whole.has(letter) && !(choice.turn?.letter === letter && op.merge(letter) !== null))
      report(`${op.name}: '${letter}' must stay whole`);
    if (!letters.sizes.has(letter)) report(`${op.name} has no letter '${letter}'`);
  }
  // In rounds one axis divides two letters: of one, the parts come round.
  const divided = new Map([...choice.letters].filter(([letter]) => letter !== choice.turn?.letter));
  checkAxes(op, divided, [...choice.pass.keys()], facts, report);
  for (const set of choice.pass.values())
    if (
      !op
        .linear(step.inputs.length, attrs)
        .some((other) => other.length === set.length && set.every((i) => other.includes(i)))
    )
      report(`${op.name} is not linear in inputs ${set}`);
  step.inputs.forEach((value, i) => {
    expectPlacement(`${op.name} input ${i}`, value.placement, requiredPlacement(i, letters, choice, facts), report);
  });
  for (const { input, dim, fill, letter } of neutralFills(op, attrs, letters, choice, facts))
    if (step.inputs[input]!.filled[dim] !== fill)
      report(`${op.name} input ${input}: padding of '${letter}' is not ${fill}`);
  checkTurns(step, letters, facts, report);
  checkResults(step, letters, facts, report);
}

/** What a round reads is the part that it says; ops on parts alone give a part with all their rounds in it. */
function checkTurns(step: OpStep<"local">, letters: StepLetters, facts: MeshFacts, report: Report): void {
  const { op, choice } = step;
  const turned = step.inputs.flatMap(({ turn }) => (turn ? [turn] : []));
  const around = choice.turn ?? turned[0];
  const degree = around ? facts.mesh.degrees[around.axis] : 1;
  if (degree === "auto") {
    report(`${op.name}: rounds over ${around!.axis} need a known number of ranks`);
    return;
  }
  const placements = step.outputs.map(({ placement }) => placement);
  const turns = step.inputs.map(({ turn }) => turn);
  if (choice.turn)
    step.inputs.forEach(({ turn, placement }, i) => {
      expectTurn(`${op.name} input ${i}`, turn, requiredTurn(letters.inputs[i]!, placement, choice, degree), report);
    });
  else if (turned.some(({ axis, by }) => axis !== around!.axis || by !== around!.by))
    report(`${op.name} takes parts of several ranks (${turned.map(showTurn).join("; ")})`);
  const wanted = choice.turn
    ? resultTurns(letters, placements, choice, degree)
    : turnsOfParts(turns, letters, placements, degree);
  wanted.forEach((want, o) => {
    expectTurn(`${op.name} result ${o}`, step.outputs[o]!.turn, want, report);
  });
}

function checkResults(step: OpStep<"local">, letters: StepLetters, facts: MeshFacts, report: Report): void {
  resultPlacements(step.op, letters, step.choice, facts).forEach((want, o) => {
    const value = step.outputs[o]!;
    expectPlacement(`${step.op.name} result ${o}`, value.placement, want, report);
    if (value.filled.some((fill) => fill !== null))
      report(`${step.op.name} result ${o}: nothing is known of its padding`);
  });
}

/** Each axis splits one letter or passes sums, and is one of the mesh. */
function checkAxes(
  op: Op,
  split: ReadonlyMap<string, readonly string[]>,
  passing: readonly string[],
  facts: MeshFacts,
  report: Report,
): void {
  const axes = [...[...split.values()].flat(), ...passing];
  if (new Set(axes).size !== axes.length) report(`${op.name}: an axis divides the work twice (${axes})`);
  for (const axis of axes)
    if (!facts.axes.some((known) => known === axis)) report(`${op.name}: axis ${axis} has one rank`);
}

function checkRepeat(
  step: RepeatStep<"local">,
  scope: Scope,
  walk: (steps: readonly Step<"local">[], scope: Scope) => void,
  report: Report,
): void {
  const expectSame = (what: string, have: LocalValue, want: LocalValue): void => {
    const knowsLess = want.filled.every((fill, dim) => fill === null || fill === have.filled[dim]);
    const isSame = sameType(have.type, want.type) && samePlacement(have.placement, want.placement);
    if (!isSame || !sameTurn(have.turn, want.turn) || !knowsLess)
      report(`repeat: ${what} is ${show(have)}, not ${show(want)}`);
  };
  const expectCount = (items: readonly LocalValue[]): void => {
    if (items.length !== step.count) report(`repeat: ${items.length} items for ${step.count} rounds`);
  };
  const inside: Scope = new Map();
  for (const { start, enter } of step.carried) {
    read(start, scope, report);
    expectSame(`the start of ${describe(enter)}`, start, enter);
    define(enter, inside, report);
  }
  for (const { items, each } of step.stacked) {
    expectCount(items);
    for (const item of items) {
      read(item, scope, report);
      expectSame(`an item of ${describe(each)}`, item, each);
    }
    define(each, inside, report);
  }
  for (const { outer, inner } of step.shared) {
    read(outer, scope, report);
    expectSame(`shared ${describe(inner)}`, outer, inner);
    define(inner, inside, report);
  }
  walk(step.body, inside);
  for (const { enter, leave, result } of step.carried) {
    read(leave, inside, report);
    expectSame(`what leaves for ${describe(enter)}`, leave, enter);
    expectSame(`result ${describe(result)}`, leave, result);
    define(result, scope, report);
  }
  for (const { each, items } of step.collected) {
    read(each, inside, report);
    expectCount(items);
    for (const item of items) {
      expectSame(`an item made of ${describe(each)}`, each, item);
      define(item, scope, report);
    }
  }
}
