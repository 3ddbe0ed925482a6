// Host code: what runs between graphs. A small typed tree that becomes plain C++. Numbers are doubles with
// JavaScript's meaning; tensors and batches are handles that graphs take and give.
import type { Origin } from "./origin.js";
import type { Axis } from "./placement.js";
import type { State } from "./state.js";

export type HostType = "number" | "boolean" | "string" | "tensor" | "batch";

/** Identity is the object. A kept variable is state: it lives as long as the program and goes into checkpoints. */
export interface HostVariable {
  /** The user's name or path (`globalStep`, `optimizer.paramGroups.0.lr`). Need not be unique. */
  readonly name: string;
  readonly type: HostType;
  readonly kept: boolean;
  /** What a kept variable holds when the program starts; null for locals. */
  readonly initial: HostExpression | null;
}

export type HostUnary = "-" | "+" | "!";
export type HostBinary = "+" | "-" | "*" | "/" | "%" | "**" | "<" | "<=" | ">" | ">=" | "===" | "!==" | "&&" | "||";
export type MathFunction =
  | "abs"
  | "ceil"
  | "cos"
  | "exp"
  | "floor"
  | "log"
  | "log2"
  | "log10"
  | "max"
  | "min"
  | "pow"
  | "round"
  | "sign"
  | "sin"
  | "sqrt"
  | "tan"
  | "tanh"
  | "trunc";

/** Questions to the runtime. `shouldStop(step)`: --max-steps reached or a signal came. */
export type HostQuery = "shouldStop" | "worldSize" | "seconds" | "isFinite" | "isNaN";

export type HostExpression =
  | { readonly kind: "literal"; readonly value: number | boolean | string }
  /** A config value that may be set at start, by path. */
  | { readonly kind: "config"; readonly path: string }
  | { readonly kind: "read"; readonly variable: HostVariable }
  | { readonly kind: "unary"; readonly operator: HostUnary; readonly operand: HostExpression }
  /** `+` of strings concatenates; numbers become text as in JavaScript. */
  | {
      readonly kind: "binary";
      readonly operator: HostBinary;
      readonly left: HostExpression;
      readonly right: HostExpression;
    }
  | {
      readonly kind: "conditional";
      readonly condition: HostExpression;
      readonly then: HostExpression;
      readonly otherwise: HostExpression;
    }
  | { readonly kind: "math"; readonly fn: MathFunction; readonly args: readonly HostExpression[] }
  | { readonly kind: "toFixed"; readonly value: HostExpression; readonly digits: number }
  /** The number in a scalar tensor; waits for it. */
  | { readonly kind: "item"; readonly tensor: HostVariable }
  /** The character of a code: one byte of text as `print` writes it. */
  | { readonly kind: "character"; readonly code: HostExpression }
  /** How a state at rest, or a batch's field, lies on an axis, as text: `Shard(0)`. A literal once that is decided. */
  | { readonly kind: "placement"; readonly of: State | { readonly field: string }; readonly axis: Axis }
  /** Batches in one epoch of a loader. */
  | { readonly kind: "numBatches"; readonly loader: string }
  | { readonly kind: "query"; readonly query: HostQuery; readonly args: readonly HostExpression[] };

interface StatementBase {
  readonly origin: Origin | null;
}
export type HostStatement = StatementBase &
  (
    | { readonly kind: "let"; readonly variable: HostVariable; readonly value: HostExpression }
    | { readonly kind: "assign"; readonly variable: HostVariable; readonly value: HostExpression }
    | {
        readonly kind: "if";
        readonly condition: HostExpression;
        readonly then: HostBlock;
        readonly otherwise: HostBlock;
      }
    | { readonly kind: "while"; readonly condition: HostExpression; readonly body: HostBlock; readonly label: string }
    | { readonly kind: "break" | "continue"; readonly label: string }
    /** A named part, such as `trainingStep`: printed as a function. A `leave` inside goes to its end. */
    | { readonly kind: "scope"; readonly name: string; readonly label: string; readonly body: HostBlock }
    | { readonly kind: "leave"; readonly label: string }
    | { readonly kind: "throw"; readonly message: HostExpression }
    | RunGraph
    /** Reads batch `index` of `epoch` into a batch variable. Addressed, so that a resumed run reads the same. */
    | {
        readonly kind: "fetch";
        readonly loader: string;
        readonly epoch: HostExpression;
        readonly index: HostExpression;
        readonly into: HostVariable;
      }
    /** On the first rank; parts are parted by spaces. `isLine`: ends the line. */
    | { readonly kind: "print"; readonly parts: readonly HostExpression[]; readonly isLine: boolean }
    | {
        readonly kind: "log";
        readonly event: "train" | "validation";
        readonly step: HostExpression;
        readonly epoch: HostExpression;
        readonly metrics: readonly { readonly name: string; readonly value: HostExpression }[];
        /** Tokens (or samples) done since the last log of this event, over all ranks. */
        readonly tokens: HostExpression;
        /** Also to the console, not only to the metrics file. */
        readonly console: HostExpression;
      }
    | { readonly kind: "progress"; readonly done: HostExpression; readonly total: HostExpression }
    /** Every state has its first value: what `--init-from` or a checkpoint holds takes its place now. */
    | { readonly kind: "initialized" }
  );

/** Runs a graph. Every input that is no state, and every result, is bound by name. */
export interface RunGraph {
  readonly kind: "run";
  readonly graph: string;
  readonly batch: HostVariable | null;
  readonly scalars: readonly { readonly name: string; readonly value: HostExpression }[];
  readonly tensors: readonly { readonly name: string; readonly variable: HostVariable }[];
  readonly results: readonly { readonly name: string; readonly variable: HostVariable }[];
}
export type HostBlock = readonly HostStatement[];
