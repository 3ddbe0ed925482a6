// A toolchain: which compilers make a program and its runtime, and what they are called with. There are three: for CPUs
// (cpu-toolchain.ts), for GPUs (cuda/cuda-toolchain.ts), and for CUDA's source on CPUs, where a library stands in for
// CUDA and checks every access (stand-in-toolchain.ts).

/** How files of one kind are compiled. */
export interface Compiler {
  readonly command: string;
  readonly flags: readonly string[];
  /** Where headers are: their content counts, not their place. */
  readonly includeFlags: readonly string[];
  /** A text that changes whenever the compiler, or a header of others, does. */
  readonly identity: string;
  /** It says what each kernel takes, as nvcc does. */
  readonly reportsKernels: boolean;
}

/** The files of one folder of the runtime with one ending. */
export interface RuntimePart {
  readonly folder: string;
  readonly ending: ".cpp" | ".cu";
  readonly compiler: Compiler;
  /** Files of this folder that the toolchain has others for. */
  readonly without?: readonly string[];
}

export interface Toolchain {
  readonly name: "cpu" | "cuda" | "stand-in";
  /** Compilers of emitted files: `.cpp`, and `.cu` where there are such. */
  readonly host: Compiler;
  readonly device: Compiler | null;
  /** What host files begin with, which is read once and kept; null: nothing is. */
  readonly hostHeaders: readonly string[] | null;
  readonly runtime: readonly RuntimePart[];
  /** Behind the object files and the archive. */
  readonly linkCommand: string;
  readonly linkFlags: readonly string[];
  /** Changes whenever programs would be made otherwise. */
  readonly fingerprint: string;
  /** GPUs for which kernels are compiled, as `sm_90`. */
  readonly architectures: readonly string[];
}

export type ToolchainRequest =
  | { readonly name: "cpu" }
  /** `architectures`: as `--arch` has them; null: the usual ones. */
  | { readonly name: "cuda"; readonly architectures: string | null }
  | { readonly name: "stand-in" };
