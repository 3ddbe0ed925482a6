// For GPUs: host code through g++, kernels through nvcc, linked with cuBLASLt, cuDNN and NCCL.
import { join } from "node:path";
import { hostFolders } from "../cpu-toolchain.js";
import {
  commonFlags,
  findHostCompiler,
  findMpi,
  hashOf,
  hostCompiler,
  ownIncludes,
  publicIncludes,
} from "../host-compiler.js";
import type { Compiler, Toolchain } from "../toolchain.js";
import { chooseArchitectures } from "./architectures.js";
import { findToolkit, type Toolkit } from "./find-toolkit.js";
import { findDriver } from "./gpus.js";

/** Warnings are errors: what nvcc warns of, such as a spill or an unused value, is a fault of what dreamc emitted. */
const deviceFlags = ["-std=c++20", "-O3", "-lineinfo", "-Xptxas", "-v", "-Werror", "all-warnings"];

/** Throws a `MissingTool`, and `UnknownArchitecture`. */
export async function findCudaToolchain(asked: string | null): Promise<Toolchain> {
  const [compiler, mpi, toolkit, driver] = await Promise.all([
    findHostCompiler(),
    findMpi(),
    findToolkit(),
    findDriver(),
  ]);
  const nvcc = join(toolkit.get("nvcc")!.include, "nvcc");
  const architectures = await chooseArchitectures(asked, driver, nvcc);
  const versions = JSON.stringify([...toolkit.values()].map(({ name, version }) => [name, version]));
  const includes = toolkitIncludes(toolkit);
  const host = hostCompiler(compiler, commonFlags, [...publicIncludes, ...includes], versions);
  const ownFlags = [...commonFlags, "-O3", ...mpi.compile];
  const own = hostCompiler(compiler, ownFlags, [...ownIncludes, ...includes], versions);
  const kernels = (includeFlags: readonly string[]): Compiler => ({
    command: nvcc,
    flags: [...deviceFlags, "-ccbin", compiler.command, ...architectureFlags(architectures)],
    includeFlags: [...includeFlags, ...includes],
    identity: `${compiler.identity} ${versions}`,
    reportsKernels: true,
  });
  const device = kernels(publicIncludes);
  const linkFlags = ["-fopenmp", ...libraryFlags(toolkit), ...mpi.link];
  return {
    name: "cuda",
    host,
    device,
    hostHeaders: ["calls", "cuda", "host", "program"],
    runtime: [
      ...hostFolders.map((folder) => ({ folder, ending: ".cpp" as const, compiler: own })),
      { folder: "cuda", ending: ".cpp", compiler: own },
      { folder: "cuda", ending: ".cu", compiler: kernels(ownIncludes) },
    ],
    linkCommand: compiler.command,
    linkFlags,
    fingerprint: hashOf([compiler, versions, host.flags, own.flags, device.flags, linkFlags]),
    architectures,
  };
}

/** Of headers of others, whose warnings are not ours. */
export const toolkitIncludes = (toolkit: Toolkit): readonly string[] =>
  [...new Set([...toolkit.values()].flatMap(({ name, include }) => (name === "nvcc" ? [] : [include])))]
    // g++ finds these itself, and not in another order.
    .filter((folder) => folder !== "/usr/include" && folder !== "/usr/local/include")
    .flatMap((folder) => ["-isystem", folder]);

const architectureFlags = (architectures: readonly string[]): readonly string[] => [
  ...architectures.flatMap((name) => ["-gencode", `arch=${name.replace("sm_", "compute_")},code=${name}`]),
  ...["--threads", String(architectures.length)],
];

/**
 * Pip's libraries have numbered names alone. Their folders go into the program's RPATH, not its RUNPATH, which is not
 * looked at for what cuDNN loads itself.
 */
function libraryFlags(toolkit: Toolkit): readonly string[] {
  const libraries = [...toolkit.values()].flatMap(({ library }) => (library === null ? [] : [library]));
  const folders = [...new Set(libraries.map(({ folder }) => folder))];
  const shared = libraries.filter(({ file }) => file.includes(".so"));
  return [
    ...folders.map((folder) => `-L${folder}`),
    "-Wl,--disable-new-dtags",
    ...folders.map((folder) => `-Wl,-rpath,${folder}`),
    ...shared.map(({ file }) => `-l:${file}`),
    ...["-lcudart_static", "-ldl", "-lrt", "-lpthread"],
  ];
}
