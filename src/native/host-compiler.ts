// g++ and Open MPI, which every toolchain has.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { execa } from "execa";
import { cacheFolder } from "./cache-folder.js";
import { MissingTool } from "./missing-tool.js";
import { runtimeFolder } from "./runtime-folder.js";
import type { Compiler } from "./toolchain.js";

/** Vector loops need the last two; `-ffast-math` would lose NaN and is not used. */
export const commonFlags = [
  "-std=c++20",
  "-march=native",
  "-fopenmp",
  "-fno-math-errno",
  "-fno-trapping-math",
] as const;
const oldestCompiler = 12;
export const help = "dreamc doctor says what to install";

export interface HostCompiler {
  readonly command: string;
  /** Its version, and all that it makes of `-march=native` here. */
  readonly identity: string;
}

/** Throws a `MissingTool`. */
export async function findHostCompiler(): Promise<HostCompiler> {
  const command = process.env.CXX ?? "g++";
  const [version, native] = await Promise.all([
    execa(command, ["-dumpfullversion"], { reject: false }),
    execa(command, ["-march=native", "-Q", "--help=target"], { reject: false }),
  ]);
  if (version.exitCode === undefined) throw new MissingTool("g++", help);
  if (version.failed || native.failed) throw new MissingTool("g++", `${command} does not answer as g++ does`);
  if (!(Number.parseInt(version.stdout, 10) >= oldestCompiler))
    throw new MissingTool(`g++ ${oldestCompiler}`, `${command} is version ${version.stdout}; ${help}`);
  return { command, identity: hashOf([command, version.stdout, native.stdout]) };
}

export const hashOf = (parts: readonly unknown[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex");

/** A way to call it. `others`: of other libraries, whose headers are named in `others.includes`. */
export const hostCompiler = (
  { command, identity }: HostCompiler,
  flags: readonly string[],
  includeFlags: readonly string[],
  others = "",
): Compiler => ({
  command,
  flags,
  includeFlags,
  identity: `${identity} ${others}`,
  reportsKernels: false,
});

/** For emitted files, and for the runtime's own. */
export const publicIncludes: readonly string[] = [`-I${join(runtimeFolder, "include")}`];
export const ownIncludes: readonly string[] = [...publicIncludes, `-I${runtimeFolder}`];

export interface Library {
  readonly compile: readonly string[];
  readonly link: readonly string[];
}

/** Where libraries lie that were installed without root: a Python environment, or the one that dreamc doctor speaks of. */
export const prefixes = (): readonly string[] =>
  [process.env.DNNLROOT, process.env.VIRTUAL_ENV, join(cacheFolder(), "tools")].filter(
    (prefix) => prefix !== undefined && prefix !== "",
  ) as string[];

/** What Open MPI's compiler wrapper adds. Throws a `MissingTool`. */
export async function findMpi(): Promise<Library> {
  const wrappers = ["mpicxx", ...prefixes().map((prefix) => join(prefix, "bin", "mpicxx"))];
  for (const wrapper of wrappers) {
    const answers = await Promise.all(
      ["--showme:compile", "--showme:link"].map((question) => execa(wrapper, [question], { reject: false })),
    );
    if (answers.some(({ failed }) => failed)) continue;
    const [compile, link] = answers.map(({ stdout }) => stdout.split(/\s+/).filter((flag) => flag !== ""));
    return { compile: compile!, link: withSearchPaths(link!) };
  }
  throw new MissingTool("Open MPI", help);
}

/** Programs look for their libraries where they were linked with them. */
export function withSearchPaths(flags: readonly string[]): readonly string[] {
  const folders = flags.filter((flag) => flag.startsWith("-L")).map((flag) => flag.slice(2));
  const isSystem = (folder: string): boolean => /^\/(usr\/)?lib(64)?(\/[^/]*-linux-gnu[^/]*)?$/.test(folder);
  return [...flags, ...folders.filter((folder) => !isSystem(folder)).map((folder) => `-Wl,-rpath,${folder}`)];
}
