// The runtime library as an archive: compiled once for each compiler, processor and content of its sources.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { packageFolder } from "../../codegen/package-folder.js";
import { cached } from "./cache-folder.js";
import { compiledObjects } from "./compile-file.js";
import type { Toolchain } from "./toolchain.js";

/** The folders of the library, without tests and benchmarks. */
const folders = ["core", "comm", "cpu", "data", "checkpoint", "log"];
const mostArchives = 8;

const runtimeFolder = fileURLToPath(new URL("runtime-cuda/", packageFolder));
/** For emitted files. */
export const includeFlags: readonly string[] = [`-I${join(runtimeFolder, "include")}`];

export interface RuntimeSources {
  readonly files: readonly string[];
  /** Changes with any header for emitted files. */
  readonly publicHeaders: string;
  /** Changes with any header at all. */
  readonly headers: string;
  /** Changes with anything. */
  readonly all: string;
}

/** What the archive is made of. */
export function runtimeSources(): RuntimeSources {
  const publicHeaders = filesBelow(join(runtimeFolder, "include"));
  const files = folders.flatMap((folder) => filesBelow(join(runtimeFolder, folder)));
  const headers = [...publicHeaders, ...files.filter((file) => !file.endsWith(".cpp"))];
  return {
    files: files.filter((file) => file.endsWith(".cpp")),
    publicHeaders: hashOf(publicHeaders),
    headers: hashOf(headers),
    all: hashOf([...publicHeaders, ...files]),
  };
}

/** The path of `libdream.a`. `onCompile` is called where it has to be compiled. */
export async function runtimeArchive(
  toolchain: Toolchain,
  { files, headers, all }: RuntimeSources,
  signal: AbortSignal,
  onCompile: () => void = () => {},
): Promise<string> {
  const key = createHash("sha256").update(`${toolchain.fingerprint} ${all}`).digest("hex");
  return cached("runtime", `${key}.a`, mostArchives, async (archive) => {
    onCompile();
    const sources = files.map((path) => ({
      path,
      flags: [...toolchain.flags, "-O3", ...toolchain.runtimeFlags],
      includeFlags: [...includeFlags, `-I${runtimeFolder}`],
      headers,
    }));
    const objects = await compiledObjects(sources, toolchain, signal);
    await execa("ar", ["rcs", archive, ...objects], { cancelSignal: signal });
  });
}

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();

function hashOf(files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files) {
    hash.update(`${file.slice(runtimeFolder.length)}\n`);
    hash.update(readFileSync(file));
  }
  return hash.digest("hex");
}
