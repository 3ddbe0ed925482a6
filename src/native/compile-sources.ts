// From a folder of emitted files to a program: their object files and the runtime's archive, linked.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { execa } from "execa";
import { CompilerFailed, compiledObjects, type ObjectFile, type SourceFile } from "./compile-file.js";
import { CompilerRefused } from "./compiler-refused.js";
import type { KernelReport } from "./cuda/kernel-report.js";
import { refuseSpills } from "./cuda/refuse-spills.js";
import { precompiledHeaders } from "./precompiled-header.js";
import { runtimeArchive, runtimeSources } from "./runtime-archive.js";
import type { Toolchain } from "./toolchain.js";

export interface CompileOptions {
  readonly toolchain: Toolchain;
  /** The folder with the emitted files. */
  readonly sources: string;
  /** The program's path. */
  readonly program: string;
  readonly signal?: AbortSignal;
  /** Called before the runtime is compiled, which happens once on a machine and takes a while. */
  readonly onCompileRuntime?: () => void;
}
export interface Compiled {
  /** What nvcc says of the program's kernels. */
  readonly kernels: readonly KernelReport[];
}

/** On CPUs host code and tables run once a step, and graphs are where time goes; on GPUs all host code only launches. */
const optimizationOf = (file: string, { name }: Toolchain): readonly string[] =>
  name === "stand-in" ? [] : [name === "cpu" && basename(file).startsWith("graph-") ? "-O2" : "-O1"];

/** Throws `MissingTool`, and `CompilerRefused` where a compiler does not take what dreamc emitted. */
export async function compileSources(options: CompileOptions): Promise<Compiled> {
  const { toolchain, sources, program, signal, onCompileRuntime } = options;
  const ends = signal ?? new AbortController().signal;
  const runtime = runtimeSources(toolchain);
  const archive = await runtimeArchive(toolchain, runtime, ends, onCompileRuntime);
  const begin = await precompiledHeaders(toolchain, runtime.publicHeaders, ends);
  const objects = await objectsOf(sources, toolchain, begin, runtime.publicHeaders, ends);
  const kernels = objects.flatMap((object) => object.kernels);
  refuseSpills(kernels);
  const paths = objects.map(({ path }) => path);
  await execa(toolchain.linkCommand, ["-o", program, ...paths, archive, ...toolchain.linkFlags], {
    cancelSignal: ends,
  });
  return { kernels };
}

/** The texts of the program's own headers that a file includes, and of those that these do. */
function ownHeaders(folder: string, file: string, known = new Set<string>()): readonly string[] {
  const text = readFileSync(join(folder, file), "utf8");
  const included = [...text.matchAll(/^#include "([^"]+)"/gm)].map(([, name]) => name!);
  return included.flatMap((name) => {
    if (known.has(name) || !existsSync(join(folder, name))) return [];
    known.add(name);
    return [readFileSync(join(folder, name), "utf8"), ...ownHeaders(folder, name, known)];
  });
}

async function objectsOf(
  folder: string,
  toolchain: Toolchain,
  begin: readonly string[],
  runtimeHeaders: string,
  signal: AbortSignal,
): Promise<readonly ObjectFile[]> {
  const names = readdirSync(folder).toSorted();
  const files = names.flatMap((name): readonly SourceFile[] => {
    const path = join(folder, name);
    const headers = [runtimeHeaders, ...ownHeaders(folder, name)].join("\n");
    if (name.endsWith(".cpp")) {
      const flags = optimizationOf(name, toolchain);
      return [{ path, compiler: toolchain.host, flags, includeFlags: [...begin, `-I${folder}`], headers }];
    }
    if (name.endsWith(".cu") && toolchain.device !== null)
      return [{ path, compiler: toolchain.device, flags: [], includeFlags: [`-I${folder}`], headers }];
    return [];
  });
  try {
    return await compiledObjects(files, signal);
  } catch (error) {
    if (!(error instanceof CompilerFailed)) throw error;
    const kept = mkdtempSync(join(tmpdir(), "dreamc-refused-"));
    cpSync(folder, kept, { recursive: true });
    throw new CompilerRefused(basename(error.source), error.output, kept);
  }
}
