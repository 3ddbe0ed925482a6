// Object files, cached by everything that they depend on: what has not changed is not compiled again.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ExecaError, execa } from "execa";
import { cached } from "./cache-folder.js";
import { type KernelReport, parseKernelReports } from "./cuda/kernel-report.js";
import type { Compiler } from "./toolchain.js";

export interface SourceFile {
  readonly path: string;
  readonly compiler: Compiler;
  /** Besides those of the compiler. */
  readonly flags: readonly string[];
  /** Where its headers are, before those of the compiler; not part of what the object depends on. */
  readonly includeFlags: readonly string[];
  /** A text that changes whenever a header that it may include does. */
  readonly headers: string;
}
export interface ObjectFile {
  readonly path: string;
  readonly kernels: readonly KernelReport[];
}

/** The compiler refused a file. */
export class CompilerFailed extends Error {
  override readonly name = "CompilerFailed";
  constructor(
    readonly source: string,
    readonly output: string,
  ) {
    super(`the compiler refuses ${source}:\n${output}`);
  }
}

const mostObjects = 1500;

/** The object files of some sources, in their order, compiled side by side. Throws `CompilerFailed`. */
export async function compiledObjects(
  sources: readonly SourceFile[],
  signal: AbortSignal,
): Promise<readonly ObjectFile[]> {
  const controller = new AbortController();
  const either = AbortSignal.any([signal, controller.signal]);
  const objects = new Array<ObjectFile>(sources.length);
  // The longest ones first: the last one to end is then a short one. nvcc takes several times as long as g++.
  const waiting = sources
    .map((source, i) => ({ source, i, text: readFileSync(source.path) }))
    .toSorted((a, b) => costOf(b.source, b.text) - costOf(a.source, a.text));
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift())
      objects[next.i] = await compiledObject(next.source, next.text, either);
  };
  try {
    await Promise.all(Array.from({ length: Math.min(sources.length, availableParallelism()) }, work));
  } catch (error) {
    controller.abort();
    throw error;
  }
  return objects;
}

const costOf = ({ path }: SourceFile, text: Buffer): number => (path.endsWith(".cu") ? 5 : 1) * text.length;

async function compiledObject(source: SourceFile, text: Buffer, signal: AbortSignal): Promise<ObjectFile> {
  const { compiler, flags, headers } = source;
  const key = createHash("sha256")
    .update(JSON.stringify([compiler.identity, compiler.flags, flags, headers]))
    .update(text)
    .digest("hex");
  if (!compiler.reportsKernels) {
    const make = (object: string): Promise<unknown> => compile(source, object, signal);
    return {
      path: await cached("objects", `${key}.o`, mostObjects, async (object) => void (await make(object))),
      kernels: [],
    };
  }
  const folder = await cached("kernels", key, mostObjects, async (unfinished) => {
    mkdirSync(unfinished);
    const said = await compile(source, join(unfinished, "object.o"), signal);
    writeFileSync(join(unfinished, "kernels.json"), JSON.stringify(parseKernelReports(said)));
  });
  return { path: join(folder, "object.o"), kernels: JSON.parse(readFileSync(join(folder, "kernels.json"), "utf8")) };
}

/** What the compiler said. */
async function compile(
  { path, compiler, flags, includeFlags }: SourceFile,
  object: string,
  signal: AbortSignal,
): Promise<string> {
  const args = [...compiler.flags, ...flags, ...includeFlags, ...compiler.includeFlags, "-c", path, "-o", object];
  try {
    const { all } = await execa(compiler.command, args, { all: true, cancelSignal: signal });
    return all;
  } catch (error) {
    // nvcc ends with the code of whichever of its parts failed.
    if (error instanceof ExecaError && (error.exitCode ?? 0) > 0)
      throw new CompilerFailed(path, String(error.all ?? ""));
    throw error;
  }
}
