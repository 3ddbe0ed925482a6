// Constant arrays that tables point into: each content once, with a name that says it.
import type { Axis, DimSplit } from "../../src/ir/placement.js";
import { type CppNames, cppInteger, cppString } from "../cpp-text.js";

export const axisText = (axis: Axis): string => `dream::Axis::${axis}`;

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
    const shown = dims.map(({ axes, unit }) =>
      axes.length === 0 ? "whole" : `${axes.join(".")}${unit === 1 ? "" : unit}`,
    );
    // What no axis splits has no unit.
    const entries = dims.map(({ axes, unit }) => `{${this.axes(axes)}, ${axes.length === 0 ? 1 : cppInteger(unit)}}`);
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
