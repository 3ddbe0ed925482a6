// The scheduled level: what one rank does, in order, and where every byte lies. Launches are kernels (from the compiler's
// own descriptions), calls of runtime functions, collectives and loops over repeated layers; memory is two areas, one for
// state and one arena for everything else, both planned here. Targets print it; they decide nothing.

import type { Phase } from "./graph.js";
import type { Scalar } from "./kernel.js";
import type { Degrees } from "./mesh.js";
import type { Origin } from "./origin.js";
import type { Axis, DimSplit, Placement, Reduction } from "./placement.js";
import type { Program } from "./program.js";
import type { State } from "./state.js";
import type { DType } from "./tensor-type.js";
import type { Around } from "./turn.js";

/** A size, stride or offset: one number for each variant of the program, in the order of `ScheduledProgram.variants`. */
export type Amount = readonly number[];

/** One way to fill an open ("auto") degree. A program whose degrees are all given has one variant. */
export interface Variant {
  readonly degrees: Degrees;
  /** By place on axis pp: a rank holds the states of its own stages, and what its own graphs need. */
  readonly areas: readonly AreaBytes[];
}
/** Bytes of the two areas of memory on a rank. */
export interface AreaBytes {
  readonly stateBytes: number;
  readonly arenaBytes: number;
  /**
   * The last bytes of the area of state, which rest in host memory: optimizer state that is offloaded. Only launches of the
   * update read them, element by element in tables: a device brings in and hands back rows, or parts of rows, in turn.
   */
  readonly offloadedBytes: number;
}

/** A number that depends on the rank: how its span of a letter begins, or how much of it exists. */
export type RankNumber =
  | { readonly kind: "amount"; readonly amount: Amount }
  /** Of this rank's span: its first place with `plus` added, how many of its places exist, where it jumps and how far. */
  | {
      readonly kind: "start" | "valid" | "cut" | "jump";
      readonly size: number;
      readonly split: DimSplit;
      readonly plus: number;
      /** In rounds: the part is another rank's. */
      readonly turn?: Around | undefined;
      /** Where `split` cuts time: which microbatch it is, of how many. */
      readonly time?: { readonly index: number; readonly count: number } | undefined;
    }
  /** This rank's index along an axis, or that of the rank `by` places before it, around the ring. */
  | { readonly kind: "coordinate"; readonly axis: Axis; readonly by: number }
  /** `items[i]` in round i of a loop around the kernel: whole numbers. */
  | { readonly kind: "round"; readonly loop: number; readonly items: readonly number[] };

/** A contiguous piece of memory with elements of one type. Identity is the object. */
export interface Buffer {
  readonly kind: "buffer";
  /** The user's name for what it holds, as far as there is one; unique in its graph. */
  readonly name: string;
  readonly dtype: DType;
  readonly numElements: Amount;
  readonly home: Home;
}
export type Home =
  /** Byte offsets in the area of state: the same in every graph. */
  | { readonly kind: "state"; readonly state: State; readonly offset: Amount }
  /** Byte offsets in the arena; other buffers may have the same bytes before and after this one's life. */
  | { readonly kind: "arena"; readonly offset: Amount }
  /** A field of the batch that the host code passes, as this rank reads it. */
  | { readonly kind: "batch"; readonly field: string }
  /** A tensor that the host code passes or gets back: memory of its own, outside the two areas. */
  | { readonly kind: "tensor"; readonly name: string }
  | { readonly kind: "result"; readonly name: string }
  /** A number that the host code passes: one element, handed to kernels by value. */
  | { readonly kind: "scalar"; readonly name: string };

/** In round i of loop `loop`, `items[i]`. All items have the same type and size. */
export interface Rounds {
  readonly kind: "rounds";
  readonly loop: number;
  readonly items: readonly Place[];
}
export type Place = Buffer | Rounds;

/** Element (i, j, ...) is at `offset + i * strides[0] + j * strides[1] + ...`, in elements. */
export interface View {
  readonly place: Place;
  readonly offset: Amount;
  readonly strides: readonly Amount[];
}

/** One operand of a kernel: an element is at `offset + sum of letter index * stride`; letters that are not named: 0. */
export interface KernelOperand {
  /** For readers: names the pointer in the emitted function. Unique in its kernel, and an identifier. */
  readonly name: string;
  readonly dtype: DType;
  /** `both`: read and written at the same place. Wherever it is read, it means what was there before the kernel. */
  readonly role: "read" | "write" | "both";
  readonly strides: { readonly [letter: string]: Amount };
  /** Strides for reads at computed places (`input(k, at)`): one for each index of `at`. */
  readonly atStrides: readonly Amount[];
}

export type ScheduledPass =
  /** Reduces over all inner letters, for each point of the outer ones. */
  | { readonly kind: "reduce"; readonly name: string; readonly by: "sum" | "max"; readonly of: Scalar }
  /** A scalar for each point of the outer letters. */
  | { readonly kind: "let"; readonly name: string; readonly value: Scalar }
  /** Writes an operand's element, for each point of the outer letters or of all letters. */
  | { readonly kind: "store"; readonly operand: number; readonly over: "outer" | "all"; readonly value: Scalar };

/**
 * Passes in order for each point of the outer letters, which are independent of each other. In scalars `input(k)` is
 * operand k at this point, `attribute(path)` the entry of `numbers` with that name, `index` and `extent` this rank's.
 * A scalar that is reached twice (the same object) is meant to be computed once. Arithmetic is float32 on floats and
 * int64 on integers and indices; operands are converted as they are read and stored.
 */
export interface Kernel {
  readonly name: string;
  readonly outer: readonly KernelLetter[];
  readonly inner: readonly KernelLetter[];
  readonly operands: readonly KernelOperand[];
  readonly numbers: readonly { readonly name: string; readonly value: RankNumber }[];
  readonly passes: readonly ScheduledPass[];
  /** The steps that it runs, for comments: scope, op names, places. */
  readonly from: readonly LaunchOrigin[];
}
export interface KernelLetter {
  readonly letter: string;
  readonly size: Amount;
}
export interface LaunchOrigin {
  readonly op: string;
  readonly scope: string;
  readonly phase: Phase;
  readonly origin: Origin | null;
}

export type Launch =
  | KernelLaunch
  | TableLaunch
  | CallLaunch
  | CollectiveLaunch
  | WaitLaunch
  | LoopLaunch
  | ObserveLaunch;

export interface KernelLaunch {
  readonly kind: "kernel";
  readonly kernel: Kernel;
  /** The memory of each operand, in their order; element (0, 0, ...) of the kernel's letters is at `offset`. */
  readonly operands: readonly { readonly place: Place; readonly offset: Amount }[];
}
/**
 * One kernel over many tensors, such as an optimizer over its parameters: the kernel has one outer letter `n` and, if it
 * reduces, nothing but inner letter `n`; each row says how many elements and where.
 */
export interface TableLaunch {
  readonly kind: "table";
  readonly kernel: Kernel;
  readonly rows: readonly {
    readonly size: Amount;
    readonly operands: readonly { readonly place: Place; readonly offset: Amount }[];
  }[];
}
/** A function of the runtime; see `RuntimeCall` in ops/op.ts for the struct it takes. */
export interface CallLaunch {
  readonly kind: "call";
  readonly symbol: string;
  readonly sizes: readonly { readonly group: string; readonly size: Amount }[];
  readonly operands: readonly {
    readonly name: string;
    readonly dtype: DType;
    readonly role: "read" | "write";
    readonly place: Place;
    readonly offset: Amount;
    /** Strides of its groups, in elements. */
    readonly strides: readonly { readonly group: string; readonly stride: Amount }[];
  }[];
  readonly options: readonly { readonly name: string; readonly value: number | boolean | string | RankNumber }[];
  /** Scratch memory in the arena, or null. */
  readonly workspace: Buffer | null;
  readonly from: LaunchOrigin;
}
/**
 * Collectives of one kind over the ranks of one axis, begun together (a bucket) and ended by the `wait` of the same
 * handle. Sources and targets are contiguous; in place where they are the same memory. all-gather: the target is the
 * sources of all ranks, one behind the other; reduce-scatter: each rank gets its part; all-to-all: part i goes to rank i;
 * permute: the source goes to the next rank of the axis, around the ring; send and receive: between this rank and one
 * other, source and target are the same memory, which a send reads and a receive writes.
 */
export interface CollectiveLaunch {
  readonly kind: "collective";
  readonly what: "all-reduce" | "reduce-scatter" | "all-gather" | "all-to-all" | "permute" | "send" | "receive";
  readonly axis: Axis;
  readonly reduction: Reduction;
  readonly handle: number;
  /** Where those of several rounds may be on their way. */
  readonly stagger?: Stagger;
  /** Of send and receive: the other rank's place on the axis, and the number by which both know the transfer. */
  readonly transfer?: Transfer;
  readonly parts: readonly {
    readonly dtype: DType;
    readonly source: { readonly place: Place; readonly offset: Amount };
    readonly target: { readonly place: Place; readonly offset: Amount };
    /** Elements of the source. */
    readonly numElements: Amount;
  }[];
  readonly from: LaunchOrigin;
}
export interface Transfer {
  readonly peer: number;
  readonly channel: number;
  /** Of which microbatch it is, on which way: what has the same travels together. Null: of none. */
  readonly group: string | null;
}
/** Ends all that was begun under its handle: behind a loop, that of all rounds. */
export interface WaitLaunch {
  readonly kind: "wait";
  readonly axis: Axis;
  readonly handle: number;
  /** Waits for what was begun for this round (`ahead` is 0) or for one before (less than 0). */
  readonly stagger?: Stagger;
}
/**
 * In round i of a loop of `count` rounds it is the turn of round `i + ahead`, under the handle `handle + (i + ahead) %
 * numHandles`; where there is no such round, nothing happens. Less than 0: it is the turn of a round before.
 */
export interface Stagger {
  readonly loop: number;
  readonly count: number;
  readonly ahead: number;
  readonly numHandles: number;
}
export interface LoopLaunch {
  readonly kind: "loop";
  readonly loop: number;
  readonly count: number;
  /** For readers: `blocks`. */
  readonly name: string;
  readonly phase: Phase;
  readonly body: readonly Launch[];
}
/** Hands a value to whoever asks for it (`--dump-gradients`); does nothing otherwise. */
export interface ObserveLaunch {
  readonly kind: "observe";
  readonly label: string;
  readonly view: View;
  /** The whole shape, and how this rank's part lies in it. */
  readonly shape: readonly number[];
  readonly placement: Placement;
  readonly dtype: DType;
}

export interface ScheduledGraph {
  readonly name: string;
  readonly buffers: readonly Buffer[];
  readonly launches: readonly Launch[];
  readonly batchFields: readonly string[];
  readonly scalars: readonly { readonly name: string; readonly dtype: DType }[];
  readonly tensors: readonly { readonly name: string; readonly dtype: DType; readonly shape: readonly number[] }[];
  readonly results: readonly {
    readonly name: string;
    readonly buffer: Buffer;
    readonly shape: readonly number[];
  }[];
}

/** Where one state lies on every rank, and what of it. */
export interface StateHome {
  readonly state: State;
  readonly buffer: Buffer;
  /** The local shape, by variant. */
  readonly localShapes: readonly (readonly number[])[];
  readonly rest: Placement;
  /** It is among the `offloadedBytes`. */
  readonly isOffloaded: boolean;
  /** The place on axis pp whose ranks alone hold it; absent: all do. */
  readonly place?: number;
}

export interface ScheduledProgram {
  readonly level: "scheduled";
  /** Everything of the local program but its graphs still holds: config, mesh, host code, loaders, variables. */
  readonly program: Program<"local">;
  readonly variants: readonly Variant[];
  readonly states: readonly StateHome[];
  readonly graphs: ReadonlyMap<string, ScheduledGraph>;
}
