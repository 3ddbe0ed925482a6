// What every emitted host file includes, read by the compiler once and kept: parsing it again takes longer than most files.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { cached } from "./cache-folder.js";
import type { Toolchain } from "./toolchain.js";

const standardHeaders = ["algorithm", "cmath", "cstddef", "cstdint", "cstring", "limits", "string"];
/** Each takes fifty megabytes or more. */
const mostHeaders = 5;

/** Flags that make the compiler begin with these headers. */
export async function precompiledHeaders(
  { host, hostHeaders }: Toolchain,
  publicHeaders: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (hostHeaders === null) return [];
  const text = [...standardHeaders.map((name) => `<${name}>`), ...hostHeaders.map((name) => `"dream/${name}.h"`)]
    .map((name) => `#include ${name}\n`)
    .join("");
  const key = createHash("sha256")
    .update(JSON.stringify([host.identity, host.flags, host.includeFlags, publicHeaders, text]))
    .digest("hex");
  const folder = await cached("headers", key, mostHeaders, async (unfinished) => {
    mkdirSync(unfinished);
    const header = join(unfinished, "emitted.h");
    writeFileSync(header, text);
    const output = ["-x", "c++-header", header, "-o", `${header}.gch`];
    await execa(host.command, [...host.flags, "-O2", ...host.includeFlags, ...output], { cancelSignal: signal });
  });
  return ["-include", join(folder, "emitted.h")];
}
