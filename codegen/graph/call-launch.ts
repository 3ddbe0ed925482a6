// Calls of the runtime's own functions: one struct, its fields by name.
import type { CallLaunch } from "../../src/ir/scheduled.js";
import { cppBoolean, cppDouble, cppIdentifier } from "../cpp-text.js";
import type { AmountTable } from "./amount-table.js";
import type { Places } from "./places.js";
import { dtypeTexts, rankNumberText } from "./rank-number.js";

/** Longer lines of fields are broken. */
const longestLine = 112;

export function writeCall(launch: CallLaunch, places: Places, amounts: AmountTable): readonly string[] {
  const amountOf = (amount: readonly number[], what: string): string =>
    amounts.text(amount, cppIdentifier(`${launch.symbol}.${what}`));
  const lines = [
    launch.sizes.map(({ group, size }) => `.${group} = ${amountOf(size, group)}`),
    ...launch.operands.map(({ name, place, offset, strides }) => [
      `.${name} = ${places.pointer(place, offset)}`,
      ...strides.map(({ group, stride }) => {
        const field = `${name}${group[0]!.toUpperCase()}${group.slice(1)}`;
        return `.${field} = ${amountOf(stride, field)}`;
      }),
    ]),
    [
      ...launch.options.map(({ name, value }) => `.${name} = ${optionText(name, value, amounts)}`),
      `.workspace = ${
        launch.workspace
          ? places.pointer(
              launch.workspace,
              launch.workspace.numElements.map(() => 0),
            )
          : "nullptr"
      }`,
    ],
  ];
  const fields = lines.flatMap((line) => broken(line)).map((line) => `    ${line}`);
  const last = fields.length - 1;
  return [
    `dream::${launch.symbol}(run, {`,
    ...fields.map((line, i) => (i === last ? line.replace(/,$/, "});") : line)),
  ];
}

function optionText(name: string, value: CallLaunch["options"][number]["value"], amounts: AmountTable): string {
  if (typeof value === "number") return cppDouble(value);
  if (typeof value === "boolean") return cppBoolean(value);
  if (typeof value !== "string") return rankNumberText(value, amounts, cppIdentifier(name));
  if (!(value in dtypeTexts)) throw new Error(`a call has the option ${name}: ${value}`);
  return dtypeTexts[value as keyof typeof dtypeTexts];
}

/** Fields as lines that end in a comma. */
function broken(fields: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const field of fields) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + field.length + 2 <= longestLine)
      lines[lines.length - 1] = `${last} ${field},`;
    else lines.push(`${field},`);
  }
  return lines;
}
