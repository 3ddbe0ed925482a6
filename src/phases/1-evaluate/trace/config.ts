// Config leaves as run-time values with known defaults, and what `--set` may give them, from zod's own JSON schema.
import { z } from "zod";
import type { ConfigEntry, ConfigSchema } from "../../../ir/program.js";
import { RunTime, type RunTimeType } from "../run-time.js";

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
  readonly entries: Omit<ConfigEntry, "fixed">[] = [];
  readonly pinned = new Set<string>();

  /** `config` with every number, boolean and text a value that may be set when the program starts. */
  wrap = (config: unknown, schema: unknown): unknown => {
    const json = z.toJSONSchema(schema as z.ZodType, { unrepresentable: "any", io: "output" }) as JsonSchema;
    return this.leaves(config, json, "");
  };

  private leaves(value: unknown, schema: JsonSchema | undefined, path: string): unknown {
    if (typeof value === "number" || typeof value === "boolean" || typeof value === "string") {
      this.entries.push({ path, value, schema: schemaOf(value, schema) });
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
    this.pinned.has(path) ? (this.entries.find((entry) => entry.path === path)?.value ?? undefined) : undefined;

  finish(): readonly ConfigEntry[] {
    return this.entries.map((entry) => ({ ...entry, fixed: this.pinned.has(entry.path) }));
  }
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
