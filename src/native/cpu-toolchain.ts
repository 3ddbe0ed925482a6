// For CPUs: g++, oneDNN and Open MPI.
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  commonFlags,
  findHostCompiler,
  findMpi,
  hashOf,
  help,
  hostCompiler,
  type Library,
  ownIncludes,
  prefixes,
  publicIncludes,
  withSearchPaths,
} from "./host-compiler.js";
import { MissingTool } from "./missing-tool.js";
import type { Toolchain } from "./toolchain.js";

export const hostFolders = ["core", "comm", "data", "checkpoint", "log"] as const;

/** Throws a `MissingTool`. */
export async function findCpuToolchain(): Promise<Toolchain> {
  const [compiler, mpi] = await Promise.all([findHostCompiler(), findMpi()]);
  const dnnl = findDnnl();
  const host = hostCompiler(compiler, commonFlags, publicIncludes);
  const own = hostCompiler(compiler, [...commonFlags, "-O3", ...mpi.compile, ...dnnl.compile], ownIncludes);
  const linkFlags = ["-fopenmp", ...dnnl.link, ...mpi.link];
  return {
    name: "cpu",
    host,
    device: null,
    hostHeaders: ["calls", "host", "kernel", "math", "program"],
    runtime: [...hostFolders, "cpu"].map((folder) => ({ folder, ending: ".cpp", compiler: own })),
    linkCommand: compiler.command,
    linkFlags,
    fingerprint: hashOf([compiler, host.flags, own.flags, linkFlags]),
    architectures: [],
  };
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
