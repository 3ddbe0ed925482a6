// The types of `z`, which is zod. Zod's own types say more and take TypeScript most of a second to read; these say what
// configs need. A schema made with zod itself has the same marks, so it may be used here too.

/** Describes values: `Input` is what it takes, `Output` what it gives. */
export interface Schema<Output = unknown, Input = Output> {
  readonly _output: Output;
  readonly _input: Input;
  optional(): Schema<Output | undefined, Input | undefined>;
  nullable(): Schema<Output | null, Input | null>;
  /** The value where nothing is given. */
  default(value: NoInfer<Output> | (() => NoInfer<Output>)): Schema<Output, Input | undefined>;
  /** What is taken, and checked, where nothing is given. */
  prefault(value: NoInfer<Input> | (() => NoInfer<Input>)): Schema<Output, Input | undefined>;
  describe(text: string): this;
  /** `fixed`: what it describes shapes the program, so it is known at build time and cannot be set at start. */
  meta(about: { readonly fixed?: boolean }): this;
  refine(test: (value: Output) => boolean, message?: string): this;
}
export interface NumberSchema extends Schema<number> {
  int(): this;
  min(value: number): this;
  max(value: number): this;
  gt(value: number): this;
  gte(value: number): this;
  lt(value: number): this;
  lte(value: number): this;
  positive(): this;
  nonnegative(): this;
  negative(): this;
  multipleOf(value: number): this;
}
export interface StringSchema extends Schema<string> {
  min(length: number): this;
  max(length: number): this;
  length(length: number): this;
  nonempty(): this;
  startsWith(text: string): this;
  endsWith(text: string): this;
  includes(text: string): this;
}
export interface ArraySchema<S extends Schema> extends Schema<S["_output"][], S["_input"][]> {
  min(length: number): this;
  max(length: number): this;
  length(length: number): this;
  nonempty(): this;
}

export type Shape = { readonly [name: string]: Schema };
type OptionalKeys<S extends Shape> = { [K in keyof S]: undefined extends S[K]["_input"] ? K : never }[keyof S];
export type OutputOf<S extends Shape> = { [K in keyof S]: S[K]["_output"] };
/** What may be left out may also be given as undefined. */
export type InputOf<S extends Shape> = { [K in Exclude<keyof S, OptionalKeys<S>>]: S[K]["_input"] } & {
  [K in OptionalKeys<S>]?: S[K]["_input"];
};
export interface ObjectSchema<S extends Shape> extends Schema<OutputOf<S>, InputOf<S>> {
  readonly shape: S;
}

/** What `z` can do. */
export interface Schemas {
  number(): NumberSchema;
  /** A whole number. */
  int(): NumberSchema;
  string(): StringSchema;
  boolean(): Schema<boolean>;
  enum<const T extends readonly [string, ...string[]]>(values: T): Schema<T[number]>;
  literal<const T extends string | number | boolean | null>(value: T): Schema<T>;
  union<const T extends readonly [Schema, ...Schema[]]>(options: T): Schema<T[number]["_output"], T[number]["_input"]>;
  array<S extends Schema>(item: S): ArraySchema<S>;
  tuple<const T extends readonly Schema[]>(
    items: T,
  ): Schema<{ -readonly [K in keyof T]: T[K]["_output"] }, { -readonly [K in keyof T]: T[K]["_input"] }>;
  record<S extends Schema>(key: Schema<string>, value: S): Schema<Record<string, S["_output"]>>;
  /** Keys that it does not name are left out. */
  object<S extends Shape>(shape: S): ObjectSchema<S>;
  /** Keys that it does not name are errors. */
  strictObject<S extends Shape>(shape: S): ObjectSchema<S>;
  // biome-ignore lint/suspicious/noExplicitAny: a class of any constructor
  instanceof<T>(constructor: abstract new (...args: any[]) => T): Schema<T>;
  unknown(): Schema<unknown>;
}

/** Zod: schemas of config values, by their own names. */
export declare const z: Schemas;
export declare namespace z {
  export type infer<S extends Schema> = S["_output"];
  export type input<S extends Schema> = S["_input"];
  export type output<S extends Schema> = S["_output"];
}
