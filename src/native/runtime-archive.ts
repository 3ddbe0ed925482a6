// The runtime library as an archive: compiled once for each toolchain and content of its sources.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { execa } from "execa";
import { cached } from "./cache-folder.js";
import { compiledObjects } from "./compile-file.js";
import { refuseSpills } from "./cuda/refuse-spills.js";
import { runtimeFolder } from "./runtime-folder.js";
import type { RuntimePart, Toolchain } from "./toolchain.js";

const mostArchives = 12;

export interface RuntimeSources {
  readonly files: readonly { readonly path: string; readonly part: RuntimePart }[];
  /** Changes with any header for emitted files. */
  readonly publicHeaders: string;
  /** Changes with any header at all. */
  readonly headers: string;
  /** Changes with anything. */
  readonly all: string;
}

/** What the archive is made of. */
export function runtimeSources({ runtime }: Toolchain): RuntimeSources {
  const includes = [
    "include",
    ...runtime.flatMap(({ folder }) => (folder === "standin/src" ? ["standin/include"] : [])),
  ];
  const publicHeaders = includes.flatMap((folder) => filesBelow(join(runtimeFolder, folder)));
  const folders = [...new Set(runtime.map(({ folder }) => folder))];
  const own = folders.flatMap((folder) => filesBelow(join(runtimeFolder, folder)));
  const files = runtime.flatMap((part) =>
    filesBelow(join(runtimeFolder, part.folder))
      .filter((path) => path.endsWith(part.ending) && !part.without?.includes(basename(path)))
      .map((path) => ({ path, part })),
  );
  const headers = [...publicHeaders, ...own.filter((path) => !/\.(cpp|cu)$/.test(path))];
  return {
    files,
    publicHeaders: hashOf(publicHeaders),
    headers: hashOf(headers),
    all: hashOf([...publicHeaders, ...own]),
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
    const sources = files.map(({ path, part: { compiler } }) => ({
      path,
      compiler,
      flags: [],
      includeFlags: [],
      headers,
    }));
    const objects = await compiledObjects(sources, signal);
    refuseSpills(objects.flatMap(({ kernels }) => kernels));
    await execa("ar", ["rcs", archive, ...objects.map(({ path }) => path)], { cancelSignal: signal });
  });
}

const filesBelow = (folder: string): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .toSorted()
    : [];

function hashOf(files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files) {
    hash.update(`${file.slice(runtimeFolder.length)}\n`);
    hash.update(readFileSync(file));
  }
  return hash.digest("hex");
}
