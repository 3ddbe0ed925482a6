// The type of a host expression, which decides how `+`, `!` and conditions are written in C++.
import type { HostExpression, HostType } from "../../src/ir/host.js";
import type { ConfigEntry } from "../../src/ir/program.js";

/** Types of the config values that can be set at start, by path. */
export type ConfigTypes = ReadonlyMap<string, HostType>;

export const configTypes = (config: readonly ConfigEntry[]): ConfigTypes =>
  new Map(config.map(({ path, schema }) => [path, schema.type === "integer" ? "number" : schema.type]));

/** Throws a TypeError on an expression that the evaluator must not make, such as the sum of two booleans. */
export function typeOf(expression: HostExpression, config: ConfigTypes): HostType {
  switch (expression.kind) {
    case "literal":
      return typeof expression.value as HostType;
    case "config": {
      const type = config.get(expression.path);
      if (type === undefined) throw new TypeError(`no config value is called ${expression.path}`);
      return type;
    }
    case "read":
      return expression.variable.type;
    case "unary":
      return expression.operator === "!" ? "boolean" : "number";
    case "binary":
      return typeOfBinary(expression, config);
    case "conditional":
      return typeOf(expression.then, config);
    case "toFixed":
    case "character":
    case "placement":
      return "string";
    case "math":
    case "item":
    case "numBatches":
      return "number";
    case "query":
      return expression.query === "worldSize" || expression.query === "seconds" ? "number" : "boolean";
  }
}

function typeOfBinary({ operator, left, right }: HostExpression & { kind: "binary" }, config: ConfigTypes): HostType {
  switch (operator) {
    case "+":
      return typeOf(left, config) === "string" || typeOf(right, config) === "string" ? "string" : "number";
    case "-":
    case "*":
    case "/":
    case "%":
    case "**":
      return "number";
    case "&&":
    case "||": {
      const type = typeOf(left, config);
      if (type !== typeOf(right, config)) throw new TypeError(`the sides of ${operator} have two types`);
      return type;
    }
    default:
      return "boolean";
  }
}
