// Numbers that depend on the rank, as C++: where its span of a letter begins, how much of it exists, where it stands.
import type { RankNumber } from "../../src/ir/scheduled.js";
import { cppInteger } from "../cpp-text.js";
import { axisText, cutText } from "../program/constant-arrays.js";
import type { AmountTable } from "./amount-table.js";

export function rankNumberText(number: RankNumber, amounts: AmountTable, what: string): string {
  switch (number.kind) {
    case "amount":
      return amounts.text(number.amount, what);
    case "coordinate":
      return number.by === 0
        ? `run.coordinate(${axisText(number.axis)})`
        : `run.coordinate(${axisText(number.axis)}, ${cppInteger(number.by)})`;
    case "start":
    case "valid":
    case "cut":
    case "jump": {
      const axes = number.split.axes.filter((axis) => axis !== "microbatch");
      const of = `${cppInteger(number.size)}, {${axes.map(axisText).join(", ")}}, ${cutText(number.split)}`;
      const span = number.turn
        ? `run.turnedSpan(${axisText(number.turn.axis)}, ${cppInteger(number.turn.by)}, ${of})`
        : `run.span(${of})`;
      const call = `${inTime(number, span)}.${number.kind}`;
      return number.plus === 0 ? call : `${call} + ${cppInteger(number.plus)}`;
    }
    case "round":
      throw new Error(`${what} is another number in each round: its loop says it`);
  }
}

/** The part of a span that one microbatch has. */
function inTime(
  { split, time }: Extract<RankNumber, { kind: "start" | "valid" | "cut" | "jump" }>,
  span: string,
): string {
  if (!split.axes.includes("microbatch")) return span;
  if (!time) throw new Error("a span is cut in time and no microbatch is named");
  return `dream::partOf(${span}, ${cppInteger(time.count)}, ${cppInteger(time.index)})`;
}

export const dtypeTexts = {
  f32: "dream::DType::f32",
  bf16: "dream::DType::bf16",
  i32: "dream::DType::i32",
  bool: "dream::DType::boolean",
} as const;
