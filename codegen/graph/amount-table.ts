// The amounts of a graph that depend on the variant: one row of named numbers for each, of which the program reads the
// one that fits its world.
import type { Amount } from "../../src/ir/scheduled.js";
import type { CppNames } from "../cpp-text.js";
import { cppInteger } from "../cpp-text.js";
import { constantOf } from "../kernel/amount.js";

export class AmountTable {
  readonly #fields = new Map<string, { readonly name: string; readonly amount: Amount }>();

  constructor(readonly names: CppNames) {}

  /** The field for an amount that some function calls `what`. */
  fieldOf(amount: Amount, what: string): string {
    const key = `${what} ${amount.join(" ")}`;
    const known = this.#fields.get(key);
    if (known) return known.name;
    const name = this.names.declare(what);
    this.#fields.set(key, { name, amount });
    return name;
  }

  /** A literal, or the field of the row that the graph's function has at hand. */
  text(amount: Amount, what: string): string {
    const fixed = constantOf(amount);
    return fixed === null ? `amounts.${this.fieldOf(amount, what)}` : cppInteger(fixed);
  }

  get isEmpty(): boolean {
    return this.#fields.size === 0;
  }

  /** The struct and its rows; nothing where all amounts are the same in every variant. */
  declaration(variants: readonly string[]): readonly string[] {
    if (this.isEmpty) return [];
    const fields = [...this.#fields.values()];
    return [
      "/** Sizes and places that depend on the number of ranks. */",
      "struct Amounts {",
      ...wrapped(
        "  std::int64_t ",
        fields.map(({ name }) => name),
        ";",
      ),
      "};",
      "constexpr Amounts amountsByVariant[] = {",
      ...variants.flatMap((variant, i) => [
        `    // ${variant}`,
        ...wrapped(
          "    {",
          fields.map(({ amount }) => cppInteger(amount[i]!)),
          "},",
        ),
      ]),
      "};",
    ];
  }
}

const longestLine = 116;

/** A list broken into lines under each other. */
function wrapped(start: string, items: readonly string[], end: string): readonly string[] {
  const lines: string[] = [];
  items.forEach((item, i) => {
    const text = `${item}${i === items.length - 1 ? end : ","}`;
    const last = lines.at(-1);
    if (last === undefined) lines.push(`${start}${text}`);
    else if (last.length + text.length < longestLine) lines[lines.length - 1] = `${last} ${text}`;
    else lines.push(`${" ".repeat(start.length)}${text}`);
  });
  return lines;
}
