// A program: what a trainer becomes. State, host variables, data, the graphs, and the host code that runs them.
import type { Graph, Level } from "./graph.js";
import type { HostBlock, HostVariable } from "./host.js";
import type { Layout, Mark } from "./layout.js";
import type { Origin } from "./origin.js";
import type { Pipelined } from "./pipeline.js";
import type { Mesh, Placement } from "./placement.js";
import type { State, StatePlacement } from "./state.js";
import type { DType, TensorType } from "./tensor-type.js";

/** One leaf of the config. A fixed one shaped the program and cannot be set at start. */
export interface ConfigEntry {
  readonly path: string;
  readonly value: number | boolean | string | null;
  readonly fixed: boolean;
  /** What `--set` checks: zod's own constraints as JSON schema. */
  readonly schema: ConfigSchema;
}
export interface ConfigSchema {
  readonly type: "number" | "integer" | "boolean" | "string";
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly enum?: readonly (string | number)[];
}

/** Where batches come from. Sizes are global: each data-parallel rank reads its share. */
export interface Loader {
  readonly name: string;
  readonly source: TokenFiles | TensorFile;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly dropLast: boolean;
  /** The whole batch, by field. */
  readonly fields: readonly { readonly name: string; readonly type: TensorType }[];
}
/** Memory-mapped token files made by `dreamc data prepare`. A sample is `sequenceLength` tokens. */
export interface TokenFiles {
  readonly kind: "tokens";
  /** The config path that holds the folder, or the folder itself. */
  readonly path: { readonly config: string } | { readonly literal: string };
  readonly split: string;
  readonly sequenceLength: number;
  /** Tokens must be under it. */
  readonly vocabSize: number | null;
}
/** A safetensors file whose tensors share their first dim, one sample per row. */
export interface TensorFile {
  readonly kind: "tensors";
  readonly path: { readonly config: string } | { readonly literal: string };
  readonly numSamples: number;
}

export interface PlacementPlan {
  readonly states: ReadonlyMap<State, StatePlacement>;
  readonly batch: ReadonlyMap<string, Placement>;
  /** By the name of a mark (see the op record). */
  readonly marks: ReadonlyMap<string, Mark>;
}

export interface Precision {
  /** The element type of `compute` ops. */
  readonly compute: DType;
  readonly reduce: DType;
}

/** A module of the model, for summaries and for reports by name. */
export interface ModuleInfo {
  readonly path: string;
  readonly className: string;
  readonly origin: Origin | null;
}

export interface Program<L extends Level = Level> {
  readonly level: L;
  readonly name: string;
  readonly file: string;
  readonly config: readonly ConfigEntry[];
  readonly mesh: Mesh;
  readonly layout: Layout;
  readonly precision: Precision;
  readonly modules: readonly ModuleInfo[];
  readonly states: readonly State[];
  /** Null until `partition`. */
  readonly plan: L extends "logical" ? null : PlacementPlan;
  readonly variables: readonly HostVariable[];
  readonly loaders: readonly Loader[];
  /** Sizes of batches that the program computes itself: data-parallel degrees must divide them too. */
  readonly computedBatches: readonly number[];
  readonly graphs: ReadonlyMap<string, Graph<L>>;
  /** Absent: every rank runs the same graphs. */
  readonly pipelined?: Pipelined;
  readonly main: HostBlock;
}
