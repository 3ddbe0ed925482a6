// From a folder of emitted C++ to a program. Object files are cached by everything that they depend on, so that what has
// not changed is not compiled again.
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { execa } from "execa";
import { cached } from "./cache-folder.js";
import { CompilerFailed, compileAll } from "./compile-file.js";
import { CompilerRefused } from "./compiler-refused.js";
import { includeFlags, runtimeArchive, runtimeFingerprint } from "./runtime-archive.js";
import { findToolchain, type Toolchain } from "./toolchain.js";

export interface CompileOptions {
  /** The folder with the emitted files. */
  readonly sources: string;
  /** The program's path. */
  readonly program: string;
  readonly signal?: AbortSignal;
}

const mostObjects = 500;

/** Host code and tables run once a step; graphs are where time goes. */
const optimizationOf = (file: string): string => (basename(file).startsWith("graph-") ? "-O2" : "-O1");

/** Throws `MissingTool`, and `CompilerRefused` where g++ does not take what dreamc emitted. */
export async function compileSources({ sources, program, signal }: CompileOptions): Promise<void> {
  const ends = signal ?? new AbortController().signal;
  const toolchain = await findToolchain();
  const runtime = runtimeFingerprint();
  try {
    const [archive, objects] = [
      await runtimeArchive(toolchain, runtime, ends),
      await compiledObjects(sources, toolchain, runtime, ends),
    ];
    await execa(toolchain.compiler, ["-o", program, ...objects, archive, ...toolchain.linkFlags], {
      cancelSignal: ends,
    });
  } catch (error) {
    if (!(error instanceof CompilerFailed)) throw error;
    const kept = mkdtempSync(join(tmpdir(), "dreamc-refused-"));
    cpSync(sources, kept, { recursive: true });
    throw new CompilerRefused(basename(error.source), error.output, kept);
  }
}

async function compiledObjects(
  folder: string,
  toolchain: Toolchain,
  runtime: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const names = readdirSync(folder).toSorted();
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const headers = names.filter((name) => name.endsWith(".h")).map((name) => `${name}\n${read(name)}`);
  const sources = names
    .filter((name) => name.endsWith(".cpp"))
    .map((name) => ({ name, text: read(name) }))
    // The longest ones first: the last one to end is then a short one.
    .toSorted((a, b) => b.text.length - a.text.length);
  return Promise.all(
    sources.map(({ name, text }) => {
      const source = join(folder, name);
      const flags = [...toolchain.flags, optimizationOf(name), ...includeFlags, `-I${folder}`];
      const key = createHash("sha256")
        .update(JSON.stringify([toolchain.fingerprint, runtime, flags.slice(0, -1), headers, text]))
        .digest("hex");
      return cached("objects", `${key}.o`, mostObjects, (object) =>
        compileAll(toolchain.compiler, [{ source, object, flags }], signal),
      );
    }),
  );
}
