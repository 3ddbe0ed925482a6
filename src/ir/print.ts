// The text of a graph, for people and for tests; `parse.ts` reads it. One line per step, what it makes first; phases
// are headings; behind `#` is the module path and the user's line:
//   %12 hidden: f32[8, 64] [dpReplicate, -] = add %10, %11 split(a: dpReplicate)  # model.blocks.*.mlp trainer.ts:41
// A value that is (a term of) the gradient of %12 is written `%40 d%12`.
import { showAttribute } from "./attribute-text.js";
import type {
  Choice,
  Graph,
  GraphInput,
  InputSource,
  Level,
  LocalValue,
  Move,
  Phase,
  PlacedValue,
  RepeatStep,
  StageStep,
  Step,
  Value,
} from "./graph.js";
import type { Origin } from "./origin.js";
import { plainCut } from "./placement.js";
import { showCut, showPlacement } from "./placement-text.js";
import { showType } from "./tensor-type.js";
import { showTurn } from "./turn.js";

export interface PrintOptions {
  /** How a source file is called in the text. */
  readonly fileName: (file: string) => string;
}
export const wholePaths: PrintOptions = { fileName: (file) => file };

export function printGraph<L extends Level>(graph: Graph<L>, options: PrintOptions = wholePaths): string {
  const lines = [
    ...graph.inputs.map((input) => printInput(input)),
    ...printSteps(graph.steps as readonly Step[], "forward", options),
    ...graph.results.map(({ name, value }) => `result ${showName(name)} = ${use(value)}`),
    ...graph.updates.map(({ state, value }) => `update ${showName(state.name)} = ${use(value)}`),
    ...graph.observed.map(({ label, value }) => `observe ${showName(label)} = ${use(value)}`),
  ];
  return [`${graph.level} graph ${showName(graph.name)} {`, ...indented(lines), "}"].join("\n");
}

/** Names are written bare where nothing in them could be misread. */
export const showName = (name: string): string => (/^[\w.*$-]+$/.test(name) ? name : JSON.stringify(name));

const indented = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);

const use = ({ id }: Value): string => `%${id}`;
const uses = (values: readonly Value[]): string => values.map(use).join(", ");

/** `%12 name d%3` */
function label({ id, name, gradientOf }: Value): string {
  return [`%${id}`, ...(name === "" ? [] : [showName(name)]), ...(gradientOf === null ? [] : [`d%${gradientOf}`])].join(
    " ",
  );
}

/** Type, placement and filled padding: all that two values have in common if they lie the same way. */
function nature(value: Value): string {
  const parts = [showType(value.type)];
  if ("placement" in value) parts.push(showPlacement((value as PlacedValue).placement));
  if ("filled" in value) {
    const { filled } = value as LocalValue;
    const { turn } = value as LocalValue;
    if (turn) parts.push(`turn(${showTurn(turn)})`);
    if (filled.some((fill) => fill !== null)) parts.push(`filled(${filled.map((fill) => fill ?? "-").join(", ")})`);
  }
  return parts.join(" ");
}

const definition = (value: Value): string => `${label(value)}: ${nature(value)}`;

/** The nature is written only where it differs from the value that stands before it. */
const definitionLike = (value: Value, model: Value): string =>
  nature(value) === nature(model) ? label(value) : definition(value);

function printInput({ value, source }: GraphInput): string {
  return `input ${definition(value)} = ${source.kind} ${showName(sourceName(source))}`;
}

export const sourceName = (source: InputSource): string =>
  source.kind === "state" ? source.state.name : source.kind === "batch" ? source.field : source.name;

function printSteps(steps: readonly Step[], before: Phase, options: PrintOptions): readonly string[] {
  let phase = before;
  return steps.flatMap((step) => {
    const heading = step.phase === phase ? [] : [`${step.phase}:`];
    ({ phase } = step);
    return [...heading, ...printStep(step, options)];
  });
}

function printStep(step: Step, options: PrintOptions): readonly string[] {
  const mark = sourceMark(step.scope, step.origin, options);
  if (step.kind === "repeat") return printRepeat(step, mark, options);
  const made = (step.outputs as readonly Value[]).map(definition).join(", ");
  const time = step.microbatch === undefined ? "" : ` in ${step.microbatch}`;
  return [`${made === "" ? "" : `${made} = `}${action(step)}${time}${mark}`];
}

function action(step: Exclude<Step, RepeatStep>): string {
  switch (step.kind) {
    case "op": {
      const attrs = Object.keys(step.attrs as object).length === 0 ? [] : [showAttribute(step.attrs)];
      const inputs = step.inputs.length === 0 ? [] : [uses(step.inputs)];
      return [step.op.name, ...inputs, ...attrs, ...(step.choice === null ? [] : showChoice(step.choice))].join(" ");
    }
    case "gradient":
      return `gradient of ${use(step.loss)} by ${uses(step.by)}`;
    case "move":
      return `move ${step.move.what} ${use(step.inputs[0])} over ${moveDetails(step.move)}`;
    case "join":
      return `join ${uses(step.inputs)} over ${step.axis} dim ${step.dim}`;
    case "fill":
      return `fill ${use(step.inputs[0])} dim ${step.dim} with ${step.fill}`;
    case "stage":
      return stageAction(step);
  }
}

function stageAction({ act, inputs }: StageStep): string {
  switch (act.what) {
    case "send":
      return `send ${uses(inputs)} to ${act.peer} as ${act.channel}`;
    case "receive":
      return `receive from ${act.peer} as ${act.channel}`;
    case "join":
      return `join ${act.move.what} ${uses(inputs)} over ${moveDetails(act.move)}`;
    case "contribute":
      return `contribute ${inputs.length === 0 ? "nothing" : uses(inputs)}`;
  }
}

const moveDetails = ({ axis, reduction, dim, to, by, ...cut }: Move): string =>
  [
    axis as string,
    ...(reduction === "sum" ? [] : [reduction]),
    ...(dim === -1 ? [] : [`dim ${dim}`]),
    ...(to === -1 ? [] : [`to ${to}`]),
    ...(showCut(cut) === "" ? [] : [`cut ${showCut(cut)}`]),
    ...(by === undefined ? [] : [`by ${by}`]),
  ].join(" ");

function showChoice({ letters, cuts, pass, turn }: Choice): readonly string[] {
  const split = [...letters].map(
    ([letter, axes]) => `${letter}: ${axes.join("·")}${showCut(cuts.get(letter) ?? plainCut)}`,
  );
  const passing = [...pass].map(([axis, inputs]) => `${axis}: ${inputs.join("+")}`);
  return [
    ...(split.length === 0 ? [] : [`split(${split.join(", ")})`]),
    ...(passing.length === 0 ? [] : [`pass(${passing.join(", ")})`]),
    ...(turn === undefined ? [] : [`turn(${turn.letter}: ${turn.axis} ${turn.by})`]),
  ];
}

function printRepeat(step: RepeatStep, mark: string, options: PrintOptions): readonly string[] {
  const lines = [
    ...step.carried.map(({ start, enter }) => `carry ${definition(enter)} from ${use(start)}`),
    ...step.stacked.map(({ items, each }) => `stack ${definition(each)} of ${uses(items)}`),
    ...step.shared.map(({ outer, inner }) => `share ${definition(inner)} of ${use(outer)}`),
    ...printSteps(step.body as readonly Step[], step.phase, options),
    ...step.carried.map(({ enter, leave, result }) => `leave ${use(leave)} as ${definitionLike(result, enter)}`),
    ...step.collected.map(
      ({ each, items }) => `collect ${use(each)} as ${items.map((item) => definitionLike(item, each)).join(", ")}`,
    ),
  ];
  const time = step.microbatch === undefined ? "" : `in ${step.microbatch} `;
  return [`repeat ${step.count} ${time}{${mark}`, ...indented(lines), "}"];
}

function sourceMark(scope: string, origin: Origin | null, { fileName }: PrintOptions): string {
  const place = origin === null ? [] : [`${fileName(origin.place.file)}:${origin.place.line}`];
  const parts = [...(scope === "" ? [] : [scope]), ...place];
  return parts.length === 0 ? "" : `  # ${parts.join(" ")}`;
}
