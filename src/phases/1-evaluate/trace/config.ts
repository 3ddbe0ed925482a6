// Configs: checked by their schemas, with every fault at its place; then every leaf is a run-time value with a known
// default, and what `--set` may give it comes from zod's own JSON schema.
import { z } from "zod";
import { Diagnosed, type Diagnostic, diagnostic } from "../../../diagnostics/diagnostic.js";
import type { Origin } from "../../../ir/origin.js";
import type { ConfigEntry, ConfigSchema } from "../../../ir/program.js";
import type { Evaluation } from "../evaluation.js";
import { ts } from "../frontend.js";
import { RunTime, type RunTimeType } from "../run-time.js";
import { pinAll } from "../syntax/builtins.js";

interface JsonSchema {
  readonly type?: string;
  readonly properties?: { readonly [name: string]: JsonSchema };
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly enum?: readonly (string | number)[];
}

export class ConfigValues {
  private readonly entries: Omit<ConfigEntry, "fixed">[] = [];
  private readonly values = new Map<string, number | boolean | string>();
  readonly pinned = new Set<string>();

  /** `given` as the schema has it, with every number, boolean and text a value that may be set when the program starts. */
  check(given: unknown, schema: z.ZodType, ev: Evaluation): unknown {
    const json = z.toJSONSchema(schema, { unrepresentable: "any", io: "output" }) as JsonSchema;
    const result = schema.safeParse(pinAll(given));
    if (!result.success) {
      const [first, ...rest] = result.error.issues.flatMap((issue) => diagnosticsOf(issue, json, ev));
      throw new Diagnosed([first!, ...rest]);
    }
    return this.leaves(result.data, json, "");
  }

  private leaves(value: unknown, schema: JsonSchema | undefined, path: string): unknown {
    if (typeof value === "number" || typeof value === "boolean" || typeof value === "string") {
      this.entries.push({ path, value, schema: schemaOf(value, schema) });
      this.values.set(path, value);
      return new RunTime({ kind: "config", path }, typeof value as RunTimeType, value);
    }
    if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        this.leaves(item, schema?.properties?.[key], path === "" ? key : `${path}.${key}`),
      ]),
    );
  }

  /** The value of a fixed path. */
  fixed = (path: string): number | boolean | string | undefined =>
    this.pinned.has(path) ? this.values.get(path) : undefined;

  finish(): readonly ConfigEntry[] {
    return this.entries.map((entry) => ({ ...entry, fixed: this.pinned.has(entry.path) }));
  }
}

function diagnosticsOf(issue: z.core.$ZodIssue, schema: JsonSchema, ev: Evaluation): readonly Diagnostic[] {
  const path = issue.path.map(String);
  if (issue.code !== "unrecognized_keys")
    return [diagnostic(placeOf(path, ev), "config-value", path.join("."), issue.message)];
  const inner = path.reduce<JsonSchema | undefined>((at, key) => at?.properties?.[key], schema);
  const known = Object.keys(inner?.properties ?? {});
  return issue.keys.map((key) => diagnostic(placeOf([...path, key], ev), "config-key", path.join("."), key, known));
}

/** Where the user wrote the entry: in the object that the config was made from, if it was written out. */
function placeOf(path: readonly string[], ev: Evaluation): Origin | null {
  for (const { node, originOf } of ev.calls()) {
    const [given] = ts.isCallExpression(node) ? node.arguments : [];
    if (!given || !ts.isObjectLiteralExpression(given) || !originOf(given)) continue;
    let at: ts.Node = given;
    for (const key of path) {
      const object = ts.isPropertyAssignment(at) ? at.initializer : at;
      const property: ts.Node | undefined = ts.isObjectLiteralExpression(object)
        ? object.properties.find(({ name }) => name && ts.isIdentifier(name) && name.text === key)
        : undefined;
      if (!property) break;
      at = property;
    }
    return originOf(at);
  }
  return ev.origin();
}

function schemaOf(value: number | boolean | string, schema: JsonSchema = {}): ConfigSchema {
  const type = schema.type === "integer" ? "integer" : (typeof value as "number" | "boolean" | "string");
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = schema;
  return {
    type,
    ...(minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER && { minimum }),
    ...(exclusiveMinimum !== undefined && { exclusiveMinimum }),
    ...(maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && { maximum }),
    ...(exclusiveMaximum !== undefined && { exclusiveMaximum }),
    ...(schema.enum && { enum: schema.enum }),
  };
}
