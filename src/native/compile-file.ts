// Object files, cached by everything that they depend on: what has not changed is not compiled again.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { ExecaError, execa } from "execa";
import { cached } from "./cache-folder.js";
import type { Toolchain } from "./toolchain.js";

export interface SourceFile {
  readonly path: string;
  readonly flags: readonly string[];
  /** Where its headers are; not part of what the object depends on. */
  readonly includeFlags: readonly string[];
  /** A text that changes whenever a header that it may include does. */
  readonly headers: string;
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

const mostObjects = 1000;

/** The object files of some sources, in their order, compiled side by side. Throws `CompilerFailed`. */
export async function compiledObjects(
  sources: readonly SourceFile[],
  toolchain: Toolchain,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const controller = new AbortController();
  const either = AbortSignal.any([signal, controller.signal]);
  const objects = new Array<string>(sources.length).fill("");
  // The longest ones first: the last one to end is then a short one.
  const waiting = sources
    .map((source, i) => ({ source, i, text: readFileSync(source.path) }))
    .toSorted((a, b) => b.text.length - a.text.length);
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift())
      objects[next.i] = await compiledObject(next.source, next.text, toolchain, either);
  };
  try {
    await Promise.all(Array.from({ length: Math.min(sources.length, availableParallelism()) }, work));
  } catch (error) {
    controller.abort();
    throw error;
  }
  return objects;
}

function compiledObject(
  { path, flags, includeFlags, headers }: SourceFile,
  text: Buffer,
  { compiler, fingerprint }: Toolchain,
  signal: AbortSignal,
): Promise<string> {
  const key = createHash("sha256")
    .update(JSON.stringify([fingerprint, flags, headers]))
    .update(text)
    .digest("hex");
  return cached("objects", `${key}.o`, mostObjects, async (object) => {
    try {
      await execa(compiler, [...flags, ...includeFlags, "-c", path, "-o", object], { all: true, cancelSignal: signal });
    } catch (error) {
      if (error instanceof ExecaError && error.exitCode === 1) throw new CompilerFailed(path, String(error.all ?? ""));
      throw error;
    }
  });
}
