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
      ...fields.map(({ name }) => `  std::int64_t ${name};`),
      "};",
      "constexpr Amounts amountsByVariant[] = {",
      ...variants.map(
        (variant, i) => `    {${fields.map(({ amount }) => cppInteger(amount[i]!)).join(", ")}},  // ${variant}`,
      ),
      "};",
    ];
  }
}
