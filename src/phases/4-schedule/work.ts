// The scheduler's own level, between local graphs and launches: blocks of jobs over tensors. A tensor is memory to be; a
// value of the graph is a view of one. Kernels are pieces that are joined later; nothing has an address yet.
import type { InputSource, MoveKind, Phase } from "../../ir/graph.js";
import type { KernelPass, Scalar } from "../../ir/kernel.js";
import type { Axis, Placement, Reduction } from "../../ir/placement.js";
import type { Amount, Kernel, LaunchOrigin, RankNumber, ScheduledPass, Transfer } from "../../ir/scheduled.js";
import type { DType } from "../../ir/tensor-type.js";

/** Identity is the object. */
export interface Tensor {
  readonly id: number;
  /** The user's name for it, or empty. */
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Amount[];
  /** What gives it to the graph; null: a job makes it, or a loop hands it on. */
  readonly source: InputSource | null;
}

/** A letter of a kernel's index space. Identity is the object; the hint is its name where that is free. */
export interface Letter {
  readonly hint: string;
  readonly size: Amount;
}

/** An index along one dim of a tensor: `offset` and, for each letter, its place times a step. */
export interface Linear {
  readonly offset: Amount;
  readonly terms: ReadonlyMap<Letter, Amount>;
}

/** A piece of a dim of a view: `size` places, each `step` further along dim `dim` of the tensor; -1: none, they repeat. */
export interface Part {
  readonly size: Amount;
  readonly dim: number;
  readonly step: Amount;
}
/** A value: where each place of its dims is in the tensor. A dim's parts are like digits, the outermost first. */
export interface View {
  readonly tensor: Tensor;
  /** Per dim of the tensor. */
  readonly offset: readonly Amount[];
  /** Per dim of the value. */
  readonly dims: readonly (readonly Part[])[];
  /** Sizes of the dims. */
  readonly shape: readonly Amount[];
}

/** One operand read or written at places that follow from the letters. */
export interface Access {
  readonly tensor: Tensor;
  /** Per dim of the tensor. */
  readonly dims: readonly Linear[];
}

export interface PieceRead {
  readonly view: View;
  /** Where it is read at the piece's own letters; null where it is not. */
  readonly access: Access | null;
  /** Whether it is read at computed places. */
  readonly isComputed: boolean;
}

/** One op's kernel, before any is joined with another. */
export interface KernelPiece {
  readonly kind: "piece";
  readonly outer: readonly Letter[];
  readonly inner: readonly Letter[];
  /** The op's own letters, by those of the piece. */
  readonly letters: ReadonlyMap<string, Linear>;
  readonly passes: readonly KernelPass[];
  readonly reads: readonly PieceRead[];
  readonly writes: readonly Access[];
  readonly numbers: ReadonlyMap<string, RankNumber>;
  /** Work per point, in additions. */
  readonly flops: number;
  readonly from: LaunchOrigin;
}

export interface DraftOperand {
  readonly tensor: Tensor;
  readonly role: "read" | "write";
  /** Null: read at computed places only. */
  readonly dims: readonly Linear[] | null;
}
/** A whole kernel over tensors. Scalars name letters by `letterNames`. */
export interface KernelJob {
  readonly kind: "kernel";
  readonly outer: readonly Letter[];
  readonly inner: readonly Letter[];
  readonly letterNames: ReadonlyMap<Letter, string>;
  readonly operands: readonly DraftOperand[];
  readonly numbers: readonly { readonly name: string; readonly value: RankNumber }[];
  readonly passes: readonly ScheduledPass[];
  readonly from: readonly LaunchOrigin[];
}

/** A kernel over memory, and the tensor and offset of each of its operands. */
export interface LaidKernel {
  readonly kind: "laid";
  readonly kernel: Kernel;
  readonly memory: readonly OperandMemory[];
}
export interface OperandMemory {
  readonly tensor: Tensor;
  readonly offset: Amount;
}
/** One kernel over many tensors. */
export interface TableJob {
  readonly kind: "table";
  readonly kernel: Kernel;
  readonly rows: readonly { readonly size: Amount; readonly memory: readonly OperandMemory[] }[];
}

export interface CallJob {
  readonly kind: "call";
  readonly symbol: string;
  /** Ways to make the call that compute the same; the first until layouts are chosen, then the only one. */
  readonly ways: readonly [CallWay, ...CallWay[]];
  readonly options: readonly { readonly name: string; readonly value: number | boolean | string | RankNumber }[];
  readonly workspace: Amount;
  readonly from: LaunchOrigin;
}
export interface CallWay {
  readonly groups: readonly { readonly group: string; readonly size: Amount }[];
  readonly operands: readonly CallJobOperand[];
}
export interface CallJobOperand {
  readonly name: string;
  readonly role: "read" | "write";
  readonly view: View;
  /** Per group the parts of its letters, outermost first. */
  readonly groups: readonly { readonly group: string; readonly parts: readonly Part[] }[];
  readonly unit: readonly string[];
}

export interface CollectiveJob {
  readonly kind: "collective";
  readonly what: Exclude<MoveKind, "slice" | "own"> | "send" | "receive";
  readonly axis: Axis;
  readonly reduction: Reduction;
  readonly parts: readonly { readonly source: Tensor; readonly target: Tensor }[];
  /** The FSDP unit whose parameters it gathers or whose gradients it reduces, or null. */
  readonly unit: string | null;
  /** Where several rounds' may be on their way: in the loop (`round` is null), or before it for one of the first rounds. */
  readonly stagger?: { readonly of: Staggering; readonly round: number | null };
  /** Of send and receive, whose sources are their targets. */
  readonly transfer?: Transfer;
  readonly from: LaunchOrigin;
}
/**
 * A collective of a loop that begins `ahead` rounds before its own and is waited for in its own, or that is waited for
 * `behind` rounds later. Identity is the object.
 */
export interface Staggering {
  readonly loop: number;
  readonly count: number;
  readonly ahead: number;
  readonly behind: number;
  /** How many may be on their way, each under a handle of its own. */
  readonly numHandles: number;
  /** What it makes, as the rest of a round sees it. */
  readonly targets: ReadonlySet<Tensor>;
}

export interface LoopJob {
  readonly kind: "loop";
  readonly loop: number;
  readonly count: number;
  readonly name: string;
  readonly phase: Phase;
  /** Its rounds are written out: their kernels will be rows of tables. */
  readonly isTable: boolean;
  /** Tensors of the surrounding block that are there because of it: items that it collects, places of what it carries. */
  readonly makes: readonly Tensor[];
  readonly body: Block;
}
export interface ObserveJob {
  readonly kind: "observe";
  readonly label: string;
  readonly view: View;
  readonly shape: readonly number[];
  readonly placement: Placement;
}
export type AnyKernel = KernelPiece | KernelJob | LaidKernel | TableJob;
export type Job<K = AnyKernel> = K | CallJob | CollectiveJob | LoopJob | ObserveJob;
export interface Block<K = AnyKernel> {
  readonly jobs: readonly Job<K>[];
}

/** In round i of a loop the tensor is `items[i]`, which is of the surrounding block or further out. */
export interface Rounds {
  readonly loop: number;
  readonly items: readonly Tensor[];
}

export type { Scalar };
