// What steps do, as text: steps with equal texts do the same to operands of the same types.
import type { LogicalValue, RepeatStep, Step } from "../../../ir/graph.js";
import { entriesOf, exitsOf, makesOf, readsOf, valuesMadeIn } from "../../../ir/steps.js";

/** Gives lists of steps numbers: equal for lists that do the same. */
export function roundNumbers(): (round: readonly Step<"logical">[]) => number {
  const numbersOfSteps = new Map<Step<"logical">, number>();
  const numbersOfTexts = new Map<string, number>();
  const numberOf = (text: string): number => {
    const number = numbersOfTexts.get(text) ?? numbersOfTexts.size;
    numbersOfTexts.set(text, number);
    return number;
  };
  const stepNumber = (step: Step<"logical">): number => {
    const number = numbersOfSteps.get(step) ?? numberOf(stepText(step));
    numbersOfSteps.set(step, number);
    return number;
  };
  return (round) => numberOf(round.map(stepNumber).join(" "));
}

const typeText = ({ type }: LogicalValue): string => `${type.dtype}${type.shape.join("x")}`;

const attributesText = (attrs: object): string => {
  for (const _ in attrs) return JSON.stringify(attrs);
  return "";
};

function stepText(step: Step<"logical">): string {
  const types = `${readsOf(step).map(typeText).join()}>${makesOf(step).map(typeText).join()}`;
  if (step.kind === "op") return `${step.op.name}${attributesText(step.attrs)}${types}`;
  return step.kind === "repeat" ? `repeat${step.count}{${bodyText(step)}}${types}` : `gradient${types}`;
}

/** A body with values numbered in the order of their making. */
function bodyText(step: RepeatStep<"logical">): string {
  const numbers = new Map<number, number>();
  for (const { id } of [...entriesOf(step), ...valuesMadeIn(step.body)]) numbers.set(id, numbers.size);
  const numbered = (values: readonly LogicalValue[]): string => values.map(({ id }) => numbers.get(id)).join();
  const text = (inner: Step<"logical">): string =>
    `${inner.kind === "repeat" ? `repeat${inner.count}{${bodyText(inner)}}` : stepText(inner)} ${numbered(readsOf(inner))}`;
  const { carried, stacked, shared, collected } = step;
  return `${carried.length} ${stacked.length} ${shared.length} ${collected.length} ${step.body.map(text).join(";")} > ${numbered(exitsOf(step))}`;
}
