// What ptxas says of each kernel: registers, shared memory, and spills, which it puts where no register is left. They go to
// memory a hundred times slower than registers, so a kernel with spills is a fault.
import { execaSync } from "execa";

export interface KernelReport {
  /** As the linker knows it, or as C++ writes it. */
  readonly symbol: string;
  readonly architecture: string;
  readonly registers: number;
  /** Static; launches may add to it. */
  readonly sharedBytes: number;
  /** Arrays that are indexed by what is known at run time only; no spills. */
  readonly stackBytes: number;
  /** Stored and loaded. */
  readonly spillBytes: number;
}

/** With names as C++ writes them. */
export function namedKernels(kernels: readonly KernelReport[]): readonly KernelReport[] {
  const names = demangled(kernels.map(({ symbol }) => symbol));
  return kernels.map((kernel, i) => ({ ...kernel, symbol: names[i]! }));
}

/** Symbols as C++ writes them; c++filt comes with the linker. */
export function demangled(symbols: readonly string[]): readonly string[] {
  if (symbols.length === 0) return [];
  const { stdout, failed } = execaSync("c++filt", ["--no-params"], { input: symbols.join("\n"), reject: false });
  return failed ? symbols : stdout.split("\n");
}

/** From what nvcc prints with `-Xptxas -v`. */
export function parseKernelReports(output: string): readonly KernelReport[] {
  // In builds for several architectures the lines of one kernel stay together.
  const entries = output.split(/^ptxas info\s*: Compiling entry function /m).slice(1);
  return entries.map((text) => {
    const [, symbol, architecture] = /^'([^']+)' for '([^']+)'/.exec(text) ?? [];
    const registers = /Used (\d+) registers/.exec(text)?.[1];
    if (symbol === undefined || architecture === undefined || registers === undefined)
      throw new Error(`ptxas says something new of a kernel: ${text}`);
    // Device functions that were not inlined have lines of their own behind the kernel's.
    const all = (pattern: RegExp): number => [...text.matchAll(pattern)].reduce((sum, [, n]) => sum + Number(n), 0);
    return {
      symbol,
      architecture,
      registers: Number(registers),
      sharedBytes: all(/(\d+) bytes smem/g),
      stackBytes: all(/(\d+) bytes stack frame/g),
      spillBytes: all(/(\d+) bytes spill stores/g) + all(/(\d+) bytes spill loads/g),
    };
  });
}
