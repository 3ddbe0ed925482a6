// Constant arrays that tables point into: each content once, with a name that says it.
import { type Axis, type Cut, type DimSplit, plainCut } from "../../src/ir/placement.js";
import { type CppNames, cppInteger, cppString } from "../cpp-text.js";

export const axisText = (axis: Axis): string => `dream::Axis::${axis}`;

/** What a span of the runtime is told of how axes cut: the unit, and, where they say more, extent and order. */
export const cutText = ({ unit, extent, order }: Cut): string =>
  [
    cppInteger(unit),
    ...(extent === undefined && order === undefined ? [] : [cppInteger(extent ?? 0), String(order === "headTail")]),
  ].join(", ");

export class ConstantArrays {
  /** Their definitions, in order. */
  readonly lines: string[] = [];
  readonly #spans = new Map<string, string>();

  constructor(readonly names: CppNames) {}

  /** A span of numbers; `what` begins its name: `shape768x3072`. */
  numbers(what: string, numbers: readonly number[]): string {
    return this.#span(`${what}${numbers.join("x")}`, "std::int64_t", numbers.map(cppInteger));
  }

  texts(what: string, texts: readonly string[]): string {
    return this.#span(what, "const char*", texts.map(cppString));
  }

  axes(axes: readonly Axis[]): string {
    return this.#span(`axes.${axes.join(".")}`, "dream::Axis", axes.map(axisText));
  }

  splits(dims: readonly DimSplit[]): string {
    const shown = dims.map(({ axes, unit, order }) =>
      axes.length === 0 ? "whole" : `${axes.join(".")}${unit === 1 ? "" : unit}${order ?? ""}`,
    );
    // What no axis splits is not cut.
    const entries = dims.map(
      (split) => `{${this.axes(split.axes)}, ${cutText(split.axes.length === 0 ? plainCut : split)}}`,
    );
    return this.#span(`split.${shown.join(".")}`, "dream::DimSplit", entries);
  }

  #span(what: string, type: string, elements: readonly string[]): string {
    if (elements.length === 0) return "{}";
    const key = `${type} ${elements.join(", ")}`;
    const known = this.#spans.get(key);
    if (known !== undefined) return known;
    const name = this.names.declare(what);
    this.lines.push(`constexpr ${type} ${name}[] = {${elements.join(", ")}};`);
    const span = `dream::spanOf(${name})`;
    this.#spans.set(key, span);
    return span;
  }
}
