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
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: { readonly [name: string]: JsonSchema };
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly enum?: readonly (string | number)[];
  /** From the schema's `meta`: its leaves shape the program and cannot be set at start. */
  readonly fixed?: boolean;
}
/** Messages on entries of a config that do not fit together. */
export type ConfigFault = "two-degrees-auto" | "async-tensor-parallel-needs-compile";

/** Values by path, as text, that take the place of what the trainer gives: they may shape tensors. */
export type ConfigSettings = ReadonlyMap<string, string>;

export class ConfigValues {
  private readonly entries: Omit<ConfigEntry, "fixed">[] = [];
  private readonly values = new Map<string, number | boolean | string>();
  readonly pinned = new Set<string>();
  private readonly known = new Set<string>();

  constructor(private readonly settings: ConfigSettings = new Map()) {}

  /** `given` as the schema has it, with every number, boolean and text a value that may be set when the program starts. */
  check(given: unknown, schema: z.ZodType, ev: Evaluation): unknown {
    const json = z.toJSONSchema(schema, { unrepresentable: "any", io: "output" }) as JsonSchema;
    const result = schema.safeParse(this.withSettings(pinAll(given), json));
    if (!result.success) {
      const isSet = (path: string): boolean => this.settings.has(path);
      const [first, ...rest] = result.error.issues.flatMap((issue) => diagnosticsOf(issue, json, ev, isSet));
      throw new Diagnosed([first!, ...rest]);
    }
    return this.leaves(result.data, json, "");
  }

  private withSettings(given: unknown, schema: JsonSchema): unknown {
    for (const path of leafPaths(schema, "")) this.known.add(path);
    return [...this.settings].reduce((config, [path, text]) => {
      const keys = path.split(".");
      const leaf = keys.reduce<JsonSchema | undefined>((at, key) => at?.properties?.[key], schema);
      return leaf === undefined ? config : replaceAt(config, keys, valueOf(text, leaf));
    }, given);
  }

  /** Settings that no config has an entry for, and every entry there is. */
  get unknownSettings(): { readonly unknown: readonly string[]; readonly known: readonly string[] } {
    return { unknown: [...this.settings.keys()].filter((path) => !this.known.has(path)), known: [...this.known] };
  }

  private leaves(value: unknown, schema: JsonSchema | undefined, path: string, isFixed = false): unknown {
    if (typeof value === "number" || typeof value === "boolean" || typeof value === "string") {
      this.entries.push({ path, value, schema: schemaOf(value, schema) });
      this.values.set(path, value);
      if (isFixed) {
        this.pinned.add(path);
        return value;
      }
      return new RunTime({ kind: "config", path }, typeof value as RunTimeType, value);
    }
    if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        this.leaves(
          item,
          schema?.properties?.[key],
          path === "" ? key : `${path}.${key}`,
          isFixed || schema?.fixed === true,
        ),
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

/** Of everything that text can stand for: objects of classes, such as callbacks, have no schema. */
const leafPaths = (schema: JsonSchema, path: string): readonly string[] =>
  schema.properties === undefined
    ? (schema.type ?? schema.anyOf ?? schema.enum) === undefined
      ? []
      : [path]
    : Object.entries(schema.properties).flatMap(([key, inner]) =>
        leafPaths(inner, path === "" ? key : `${path}.${key}`),
      );

/** What is written as a number is one unless the entry holds text; zod says what does not fit. */
function valueOf(text: string, { type }: JsonSchema): unknown {
  if (type === "string") return text;
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

function replaceAt(config: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const object = (config ?? {}) as { readonly [name: string]: unknown };
  return { ...object, [key]: replaceAt(object[key], rest, value) };
}

function diagnosticsOf(
  issue: z.core.$ZodIssue,
  schema: JsonSchema,
  ev: Evaluation,
  isSet: (path: string) => boolean,
): readonly Diagnostic[] {
  const path = issue.path.map(String);
  if (issue.code !== "unrecognized_keys") {
    const name = path.join(".");
    return [diagnostic(isSet(name) ? null : placeOf(path, ev), "config-value", name, issue.message)];
  }
  const inner = path.reduce<JsonSchema | undefined>((at, key) => at?.properties?.[key], schema);
  const known = Object.keys(inner?.properties ?? {});
  return issue.keys.map((key) => diagnostic(placeOf([...path, key], ev), "config-key", path.join("."), key, known));
}

/** Where the user wrote the entry: in the object that the config was made from, if it was written out. */
export function placeOf(path: readonly string[], ev: Evaluation): Origin | null {
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
