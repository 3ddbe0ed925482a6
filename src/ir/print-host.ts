// Host code as pseudo code: TypeScript as far as it goes, `loss = run main5(batch)` for a graph, `batch = train[epoch, i]`
// for data. For readers: nothing reads it back.
import type { HostBlock, HostExpression, HostStatement, HostVariable } from "./host.js";

/** Names variables: their own name, with a number where another variable has it. */
export class HostNames {
  private readonly names = new Map<HostVariable, string>();
  private readonly taken = new Set<string>();

  of(variable: HostVariable): string {
    const known = this.names.get(variable);
    if (known !== undefined) return known;
    const base = variable.name === "" ? variable.type : variable.name;
    let name = base;
    for (let i = 2; this.taken.has(name); i++) name = `${base}_${i}`;
    this.taken.add(name);
    this.names.set(variable, name);
    return name;
  }
}

/** The lines of a block. */
export function printHost(block: HostBlock, names: HostNames = new HostNames()): readonly string[] {
  return block.flatMap((statement) => printStatement(statement, names));
}

const indented = (block: HostBlock, names: HostNames): readonly string[] =>
  printHost(block, names).map((line) => `  ${line}`);

function printStatement(statement: HostStatement, names: HostNames): readonly string[] {
  const show = (expression: HostExpression): string => printExpression(expression, names);
  switch (statement.kind) {
    case "let":
      return [`let ${names.of(statement.variable)} = ${show(statement.value)}`];
    case "assign":
      return [`${names.of(statement.variable)} = ${show(statement.value)}`];
    case "if":
      return [
        `if (${show(statement.condition)}) {`,
        ...indented(statement.then, names),
        ...(statement.otherwise.length === 0 ? [] : ["} else {", ...indented(statement.otherwise, names)]),
        "}",
      ];
    case "while":
      return [`${statement.label}: while (${show(statement.condition)}) {`, ...indented(statement.body, names), "}"];
    case "scope":
      return [`part ${statement.name} (${statement.label}) {`, ...indented(statement.body, names), "}"];
    case "break":
    case "continue":
    case "leave":
      return [`${statement.kind} ${statement.label}`];
    case "throw":
      return [`throw ${show(statement.message)}`];
    case "run": {
      const operands = [
        ...(statement.batch === null ? [] : [names.of(statement.batch)]),
        ...statement.scalars.map(({ name, value }) => `${name}: ${show(value)}`),
        ...statement.tensors.map(({ name, variable }) => `${name}: ${names.of(variable)}`),
      ];
      const results = statement.results.map(({ name, variable }) =>
        names.of(variable) === name ? name : `${names.of(variable)} (${name})`,
      );
      const made = results.length === 0 ? "" : `${results.join(", ")} = `;
      return [`${made}run ${statement.graph}(${operands.join(", ")})`];
    }
    case "fetch":
      return [
        `${names.of(statement.into)} = ${statement.loader}[epoch ${show(statement.epoch)}, batch ${show(statement.index)}]`,
      ];
    case "print":
      return [`print${statement.isLine ? "" : " without end"} ${statement.parts.map(show).join(", ")}`];
    case "log":
      return [
        `log ${statement.event} at step ${show(statement.step)} of epoch ${show(statement.epoch)}: ${[
          ...statement.metrics.map(({ name, value }) => `${name} ${show(value)}`),
          `tokens ${show(statement.tokens)}`,
          `console ${show(statement.console)}`,
        ].join(", ")}`,
      ];
    case "progress":
      return [`progress ${show(statement.done)} of ${show(statement.total)}`];
    case "initialized":
      return ["initialized"];
  }
}

/** How tightly operators bind: JavaScript's order. */
const tightness: { readonly [operator: string]: number } = {
  "?": 1,
  "||": 2,
  "&&": 3,
  "===": 4,
  "!==": 4,
  "<": 5,
  "<=": 5,
  ">": 5,
  ">=": 5,
  "+": 6,
  "-": 6,
  "*": 7,
  "/": 7,
  "%": 7,
  "**": 8,
};
const unaryTightness = 9;

export function printExpression(expression: HostExpression, names: HostNames, around = 0): string {
  const show = (inner: HostExpression, level = 0): string => printExpression(inner, names, level);
  const grouped = (text: string, level: number): string => (level < around ? `(${text})` : text);
  switch (expression.kind) {
    case "literal":
      return typeof expression.value === "string" ? JSON.stringify(expression.value) : String(expression.value);
    case "config":
      return `config.${expression.path}`;
    case "read":
      return names.of(expression.variable);
    case "unary":
      return grouped(`${expression.operator}${show(expression.operand, unaryTightness + 1)}`, unaryTightness);
    case "binary": {
      const level = tightness[expression.operator]!;
      return grouped(
        `${show(expression.left, level)} ${expression.operator} ${show(expression.right, level + 1)}`,
        level,
      );
    }
    case "conditional":
      return grouped(
        `${show(expression.condition, 2)} ? ${show(expression.then, 1)} : ${show(expression.otherwise, 1)}`,
        1,
      );
    case "math":
      return `${expression.fn}(${expression.args.map((each) => show(each)).join(", ")})`;
    case "toFixed":
      return `${show(expression.value, unaryTightness + 1)}.toFixed(${expression.digits})`;
    case "item":
      return `${names.of(expression.tensor)}.item()`;
    case "character":
      return `character(${show(expression.code)})`;
    case "placement":
      return `placement(${"field" in expression.of ? `batch.${expression.of.field}` : expression.of.name}, ${expression.axis})`;
    case "numBatches":
      return `${expression.loader}.numBatches`;
    case "query":
      return `${expression.query}(${expression.args.map((each) => show(each)).join(", ")})`;
  }
}
