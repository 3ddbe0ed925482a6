// The graph: pure tensor code in order, with repeat regions for repeated layers. Its level is a type, so that
// passes in the wrong order do not compile. Nothing here is ever changed in place: a pass makes a new graph.
import type { Op } from "../ops/op.js";
import type { Origin } from "./origin.js";
import type { Axis, Cut, Placement, Reduction } from "./placement.js";
import type { State } from "./state.js";
import type { TensorType } from "./tensor-type.js";
import type { Around, Turn } from "./turn.js";

/** What the user wrote and its gradients; placed on the mesh; one rank's view with explicit collectives. */
export type Level = "logical" | "placed" | "local";

export interface LogicalValue {
  readonly id: number;
  /** The whole shape, at every level: what one rank holds follows from the placement. */
  readonly type: TensorType;
  /** The user's name for it where there is one, else empty. For readers only. */
  readonly name: string;
  /** This value is (a term of) the gradient of that one. */
  readonly gradientOf: number | null;
}
export interface PlacedValue extends LogicalValue {
  readonly placement: Placement;
}
export interface LocalValue extends PlacedValue {
  /** Per dim, what stands in its padding; null: anything finite. */
  readonly filled: readonly (number | null)[];
  /** In rounds: whose part it is, and which rounds are in it. Absent: its own, and whole. */
  readonly turn?: Turn | undefined;
}
interface Values {
  readonly logical: LogicalValue;
  readonly placed: PlacedValue;
  readonly local: LocalValue;
}
export type Value<L extends Level = Level> = Values[L];

/** How the work of one op is divided: the axes that split each letter, and per axis the inputs that pass as sums. */
export interface Choice {
  /** Only letters that are split are named. */
  readonly letters: ReadonlyMap<string, readonly Axis[]>;
  /** How split letters are cut, in places of the letter; letters that are not named: plainly. */
  readonly cuts: ReadonlyMap<string, Cut>;
  readonly pass: ReadonlyMap<Axis, readonly number[]>;
  /** In rounds: whose part of a letter this step works on. Every other letter is this rank's own. */
  readonly turn?: (Around & { readonly letter: string }) | undefined;
}

/** Which part of a training step something belongs to. */
export type Phase = "forward" | "backward" | "update";

interface StepBase {
  readonly origin: Origin | null;
  /** The path of the module it was called in, e.g. `model.blocks.3.attn`; in a repeat body `model.blocks.*.attn`. */
  readonly scope: string;
  readonly phase: Phase;
  /** In a graph that is cut in time: the microbatch that it works on. Absent: none, or all. */
  readonly microbatch?: number;
}

/** One op. At the placed and local levels with the choice that divides it. */
export interface OpStep<L extends Level = Level> extends StepBase {
  readonly kind: "op";
  // biome-ignore lint/suspicious/noExplicitAny: a step holds any record with that record's own attributes
  readonly op: Op<any>;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly attrs: any;
  readonly inputs: readonly Value<L>[];
  readonly outputs: readonly Value<L>[];
  readonly choice: L extends "logical" ? null : Choice;
}

/** The gradients of a scalar loss by some values; `differentiate` replaces it with backward steps at its place. */
export interface GradientStep extends StepBase {
  readonly kind: "gradient";
  readonly loss: Value<"logical">;
  readonly by: readonly Value<"logical">[];
  /** One for each of `by`, of the same type. */
  readonly outputs: readonly Value<"logical">[];
}

/** A body that runs `count` times. Nothing of the surrounding graph is read inside but through these lists. */
export interface RepeatStep<L extends Level = Level> extends StepBase {
  readonly kind: "repeat";
  readonly count: number;
  /** `start` enters the first round as `enter`; a round's `leave` enters the next; the last is `result`. */
  readonly carried: readonly {
    readonly start: Value<L>;
    readonly enter: Value<L>;
    readonly leave: Value<L>;
    readonly result: Value<L>;
  }[];
  /** Round i reads `items[i]` as `each`. */
  readonly stacked: readonly { readonly items: readonly Value<L>[]; readonly each: Value<L> }[];
  /** The same in every round. */
  readonly shared: readonly { readonly outer: Value<L>; readonly inner: Value<L> }[];
  /** Round i's `each` is `items[i]` afterwards. */
  readonly collected: readonly { readonly each: Value<L>; readonly items: readonly Value<L>[] }[];
  readonly body: readonly Step<L>[];
}

export type MoveKind = "all-reduce" | "reduce-scatter" | "all-gather" | "all-to-all" | "permute" | "slice" | "own";
/**
 * From one placement to another: a collective, or (slice, own) a local step. `dim` is what it splits or gathers (-1 for
 * all-reduce and own), `to` the dim that an all-to-all splits (else -1), its cut that of the dim that becomes split (else
 * the plain one).
 * A permute hands a part to the next rank of the axis. A slice may take another rank's part: that `by` places before.
 */
export interface Move extends Cut {
  readonly what: MoveKind;
  readonly axis: Axis;
  readonly dim: number;
  readonly to: number;
  readonly reduction: Reduction;
  readonly by?: number;
}
export interface MoveStep extends StepBase {
  readonly kind: "move";
  readonly move: Move;
  readonly inputs: readonly [Value<"local">];
  readonly outputs: readonly [Value<"local">];
}
/** Writes a neutral value into the padding of one dim. */
export interface FillStep extends StepBase {
  readonly kind: "fill";
  readonly dim: number;
  readonly fill: number;
  readonly inputs: readonly [Value<"local">];
  readonly outputs: readonly [Value<"local">];
}

/** Parts that came round, side by side: input i is that of the rank i places before this one on the axis. */
export interface JoinStep extends StepBase {
  readonly kind: "join";
  readonly axis: Axis;
  readonly dim: number;
  readonly inputs: readonly Value<"local">[];
  readonly outputs: readonly [Value<"local">];
}

/**
 * What the stages of a pipeline say to each other, and how microbatches become one again. `channel` is a number by which
 * both sides know a transfer, `peer` the other side's place on axis pp.
 */
export type StageAct =
  | { readonly what: "send" | "receive"; readonly peer: number; readonly channel: number }
  /** The parts of all microbatches in order, as the move over that axis puts them together. */
  | { readonly what: "join"; readonly move: Move }
  /** A term of a sum over pp; a stage without inputs gives zero. */
  | { readonly what: "contribute" };
export interface StageStep extends StepBase {
  readonly kind: "stage";
  readonly act: StageAct;
  readonly inputs: readonly Value<"local">[];
  readonly outputs: readonly Value<"local">[];
}

interface ExtraSteps {
  readonly logical: GradientStep;
  readonly placed: never;
  readonly local: MoveStep | FillStep | JoinStep | StageStep;
}
export type Step<L extends Level = Level> = OpStep<L> | RepeatStep<L> | ExtraSteps[L];

/** Where a graph's input comes from. Scalars are host numbers passed at each run (a learning rate, a step counter). */
export type InputSource =
  | { readonly kind: "state"; readonly state: State }
  | { readonly kind: "batch"; readonly field: string }
  | { readonly kind: "scalar"; readonly name: string }
  | { readonly kind: "tensor"; readonly name: string };

export interface GraphInput<L extends Level = Level> {
  readonly value: Value<L>;
  readonly source: InputSource;
}
/** After the graph has run, `state` holds `value`. */
export interface Update<L extends Level = Level> {
  readonly state: State;
  readonly value: Value<L>;
}

export interface Graph<L extends Level = Level> {
  readonly level: L;
  readonly name: string;
  readonly inputs: readonly GraphInput<L>[];
  readonly steps: readonly Step<L>[];
  /** What the host code gets back, by name: scalars it reads as numbers, tensors it passes to another graph. */
  readonly results: readonly { readonly name: string; readonly value: Value<L> }[];
  readonly updates: readonly Update<L>[];
  /** Offered to whoever asks for them at run time (`--dump-gradients`), right after the top-level step that makes them. */
  readonly observed: readonly { readonly label: string; readonly value: Value<L> }[];
}
export type LogicalGraph = Graph<"logical">;
export type PlacedGraph = Graph<"placed">;
export type LocalGraph = Graph<"local">;
