// The runtime library as an archive: compiled once for each compiler, processor and content of its sources.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { packageFolder } from "../../codegen/package-folder.js";
import { cached } from "./cache-folder.js";
import { compileAll } from "./compile-file.js";
import type { Toolchain } from "./toolchain.js";

/** The folders of the library, without tests and benchmarks. */
const folders = ["core", "comm", "cpu", "data", "checkpoint", "log"];
const optimization = ["-O3"];
const mostArchives = 8;

export const runtimeFolder = fileURLToPath(new URL("runtime-cuda/", packageFolder));
export const includeFlags: readonly string[] = [`-I${join(runtimeFolder, "include")}`];

/** The contents of all files that the archive depends on, headers included. */
export function runtimeFingerprint(): string {
  const hash = createHash("sha256");
  for (const folder of ["include", ...folders])
    for (const file of filesBelow(join(runtimeFolder, folder))) {
      hash.update(`${file.slice(runtimeFolder.length)}\n`);
      hash.update(readFileSync(file));
    }
  return hash.digest("hex");
}

/** The path of `libdream.a`. */
export async function runtimeArchive(toolchain: Toolchain, fingerprint: string, signal: AbortSignal): Promise<string> {
  const key = createHash("sha256").update(`${toolchain.fingerprint} ${fingerprint} ${optimization}`).digest("hex");
  return cached("runtime", `${key}.a`, mostArchives, async (archive) => {
    const objects = join(dirname(archive), "objects");
    mkdirSync(objects);
    const sources = folders
      .flatMap((folder) => filesBelow(join(runtimeFolder, folder)))
      .filter((file) => file.endsWith(".cpp"));
    const files = sources.map((source, i) => ({
      source,
      object: join(objects, `${i}.o`),
      flags: [...toolchain.flags, ...optimization, ...includeFlags, `-I${runtimeFolder}`, ...toolchain.runtimeFlags],
    }));
    await compileAll(toolchain.compiler, files, signal);
    await execa("ar", ["rcs", archive, ...files.map(({ object }) => object)], { cancelSignal: signal });
  });
}

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
