// From a folder of emitted C++ to a program: its object files and the runtime's archive, linked.
import { cpSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { execa } from "execa";
import { CompilerFailed, compiledObjects, type SourceFile } from "./compile-file.js";
import { CompilerRefused } from "./compiler-refused.js";
import { precompiledHeaders } from "./precompiled-header.js";
import { includeFlags, runtimeArchive, runtimeSources } from "./runtime-archive.js";
import { findToolchain, type Toolchain } from "./toolchain.js";

export interface CompileOptions {
  /** The folder with the emitted files. */
  readonly sources: string;
  /** The program's path. */
  readonly program: string;
  readonly signal?: AbortSignal;
  /** Called before the runtime is compiled, which happens once on a machine and takes a while. */
  readonly onCompileRuntime?: () => void;
}

/** Host code and tables run once a step; graphs are where time goes. */
const optimizationOf = (file: string): string => (basename(file).startsWith("graph-") ? "-O2" : "-O1");

/** Throws `MissingTool`, and `CompilerRefused` where g++ does not take what dreamc emitted. */
export async function compileSources({ sources, program, signal, onCompileRuntime }: CompileOptions): Promise<void> {
  const ends = signal ?? new AbortController().signal;
  const toolchain = await findToolchain();
  const runtime = runtimeSources();
  const archive = await runtimeArchive(toolchain, runtime, ends, onCompileRuntime);
  const begin = await precompiledHeaders(toolchain, includeFlags, runtime.publicHeaders, ends);
  const objects = await objectsOf(sources, toolchain, begin, runtime.publicHeaders, ends);
  await execa(toolchain.compiler, ["-o", program, ...objects, archive, ...toolchain.linkFlags], { cancelSignal: ends });
}

async function objectsOf(
  folder: string,
  toolchain: Toolchain,
  begin: readonly string[],
  runtimeHeaders: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const names = readdirSync(folder).toSorted();
  const own = names.filter((name) => name.endsWith(".h")).map((name) => readFileSync(join(folder, name), "utf8"));
  const files = names
    .filter((name) => name.endsWith(".cpp"))
    .map(
      (name): SourceFile => ({
        path: join(folder, name),
        flags: [...toolchain.flags, optimizationOf(name)],
        includeFlags: [...begin, ...includeFlags, `-I${folder}`],
        headers: [runtimeHeaders, ...own].join("\n"),
      }),
    );
  try {
    return await compiledObjects(files, toolchain, signal);
  } catch (error) {
    if (!(error instanceof CompilerFailed)) throw error;
    const kept = mkdtempSync(join(tmpdir(), "dreamc-refused-"));
    cpSync(folder, kept, { recursive: true });
    throw new CompilerRefused(basename(error.source), error.output, kept);
  }
}
