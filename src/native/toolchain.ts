// The compiler and libraries of this machine: what they are called with, and a text that changes whenever they do.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { cacheFolder } from "./cache-folder.js";
import { MissingTool } from "./missing-tool.js";

export interface Toolchain {
  readonly compiler: string;
  /** For every file. */
  readonly flags: readonly string[];
  /** For the runtime's own files, which include MPI and oneDNN. */
  readonly runtimeFlags: readonly string[];
  readonly linkFlags: readonly string[];
  /** Of the compiler, what it means by `native`, the flags and where the libraries are. */
  readonly fingerprint: string;
}

/** Vector loops need the last two; `-ffast-math` would lose NaN and is not used. */
export const commonFlags = [
  "-std=c++20",
  "-march=native",
  "-fopenmp",
  "-fno-math-errno",
  "-fno-trapping-math",
] as const;
const oldestCompiler = 12;
const help = "dreamc doctor says what to install";

/** Throws a `MissingTool`. */
export async function findToolchain(): Promise<Toolchain> {
  const compiler = process.env.CXX ?? "g++";
  const [described, mpi] = await Promise.all([describeCompiler(compiler), findMpi()]);
  const dnnl = findDnnl();
  const runtimeFlags = [...mpi.compile, ...dnnl.compile];
  const linkFlags = ["-fopenmp", ...dnnl.link, ...mpi.link];
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([compiler, described, commonFlags, runtimeFlags, linkFlags]))
    .digest("hex");
  return { compiler, flags: commonFlags, runtimeFlags, linkFlags, fingerprint };
}

export const toolchainFingerprint = async (): Promise<string> => (await findToolchain()).fingerprint;

/** Its version, and all that it makes of `-march=native` here. */
async function describeCompiler(compiler: string): Promise<readonly string[]> {
  const [version, native] = await Promise.all([
    execa(compiler, ["-dumpfullversion"], { reject: false }),
    execa(compiler, ["-march=native", "-Q", "--help=target"], { reject: false }),
  ]);
  if (version.exitCode === undefined) throw new MissingTool("g++", help);
  if (version.failed || native.failed) throw new MissingTool("g++", `${compiler} does not answer as g++ does`);
  if (!(Number.parseInt(version.stdout, 10) >= oldestCompiler))
    throw new MissingTool(`g++ ${oldestCompiler}`, `${compiler} is version ${version.stdout}; ${help}`);
  return [version.stdout, native.stdout];
}

interface Library {
  readonly compile: readonly string[];
  readonly link: readonly string[];
}

/** Where libraries lie that were installed without root: a Python environment, or the one that dreamc doctor speaks of. */
const prefixes = (): readonly string[] =>
  [process.env.DNNLROOT, process.env.VIRTUAL_ENV, join(cacheFolder(), "tools")].filter(
    (prefix) => prefix !== undefined && prefix !== "",
  ) as string[];

/** What Open MPI's compiler wrapper adds. */
async function findMpi(): Promise<Library> {
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

function findDnnl(): Library {
  const known = ["/usr/include", "/usr/local/include", ...(process.env.CPATH ?? "").split(":")];
  if (known.some((folder) => folder !== "" && existsSync(join(folder, "dnnl.hpp"))))
    return { compile: [], link: ["-ldnnl"] };
  const prefix = prefixes().find((each) => existsSync(join(each, "include", "dnnl.hpp")));
  if (prefix === undefined) throw new MissingTool("oneDNN", help);
  return {
    compile: [`-I${join(prefix, "include")}`],
    link: withSearchPaths([`-L${join(prefix, "lib")}`, "-ldnnl"]),
  };
}

/** Programs look for their libraries where they were linked with them. */
function withSearchPaths(flags: readonly string[]): readonly string[] {
  const folders = flags.filter((flag) => flag.startsWith("-L")).map((flag) => flag.slice(2));
  const isSystem = (folder: string): boolean => /^\/(usr\/)?lib(64)?(\/[^/]*-linux-gnu[^/]*)?$/.test(folder);
  return [...flags, ...folders.filter((folder) => !isSystem(folder)).map((folder) => `-Wl,-rpath,${folder}`)];
}
