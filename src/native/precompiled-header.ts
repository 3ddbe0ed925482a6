// What every emitted file includes, read by the compiler once and kept: parsing it again takes longer than most files.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { cached } from "./cache-folder.js";
import type { Toolchain } from "./toolchain.js";

const headers = [
  ...["algorithm", "cmath", "cstddef", "cstdint", "cstring", "limits", "string"].map((name) => `<${name}>`),
  ...["calls", "host", "kernel", "math", "program"].map((name) => `"dream/${name}.h"`),
];
/** Each takes fifty megabytes. */
const mostHeaders = 3;

/** Flags that make the compiler begin with these headers. */
export async function precompiledHeaders(
  { compiler, flags, fingerprint }: Toolchain,
  includeFlags: readonly string[],
  publicHeaders: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const key = createHash("sha256")
    .update(JSON.stringify([fingerprint, includeFlags, publicHeaders, headers]))
    .digest("hex");
  const folder = await cached("headers", key, mostHeaders, async (unfinished) => {
    mkdirSync(unfinished);
    const header = join(unfinished, "emitted.h");
    writeFileSync(header, headers.map((name) => `#include ${name}\n`).join(""));
    const output = ["-x", "c++-header", header, "-o", `${header}.gch`];
    await execa(compiler, [...flags, "-O2", ...includeFlags, ...output], { cancelSignal: signal });
  });
  return ["-include", join(folder, "emitted.h")];
}
