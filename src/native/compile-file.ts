// Calls of the compiler, a few at a time.
import { availableParallelism } from "node:os";
import { ExecaError, execa } from "execa";

export interface CompiledFile {
  readonly source: string;
  readonly object: string;
  readonly flags: readonly string[];
}

/** What the compiler said of a file that it refused. */
export class CompilerFailed extends Error {
  override readonly name = "CompilerFailed";
  constructor(
    readonly source: string,
    readonly output: string,
  ) {
    super(`the compiler refuses ${source}:\n${output}`);
  }
}

/** Compiles files side by side, the largest ones best first. Throws `CompilerFailed` for the first that is refused. */
export async function compileAll(compiler: string, files: readonly CompiledFile[], signal: AbortSignal): Promise<void> {
  const waiting = [...files];
  const controller = new AbortController();
  const either = AbortSignal.any([signal, controller.signal]);
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file; file = waiting.shift()) await compileFile(compiler, file, either);
  };
  try {
    await Promise.all(Array.from({ length: Math.min(files.length, availableParallelism()) }, work));
  } catch (error) {
    controller.abort();
    throw error;
  }
}

async function compileFile(
  compiler: string,
  { source, object, flags }: CompiledFile,
  signal: AbortSignal,
): Promise<void> {
  try {
    await execa(compiler, [...flags, "-c", source, "-o", object], { all: true, cancelSignal: signal });
  } catch (error) {
    if (error instanceof ExecaError && error.exitCode === 1) throw new CompilerFailed(source, String(error.all ?? ""));
    throw error;
  }
}
