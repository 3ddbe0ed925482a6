// For CUDA's source on CPUs: everything through g++, linked with the library under runtime-cuda/standin that runs kernels
// as fibers and checks every access. Only NVIDIA's headers are needed. `dreamc verify` and tests build with it.
import { join } from "node:path";
import { hostFolders } from "./cpu-toolchain.js";
import { toolkitIncludes } from "./cuda/cuda-toolchain.js";
import { findToolkit } from "./cuda/find-toolkit.js";
import { findHostCompiler, findMpi, hashOf, hostCompiler, ownIncludes, publicIncludes } from "./host-compiler.js";
import { runtimeFolder } from "./runtime-folder.js";
import type { Toolchain } from "./toolchain.js";

const standInFlags = ["-std=c++20", "-g", "-fopenmp", "-fno-math-errno", "-fno-trapping-math"];
/**
 * Accesses are seen through the calls that `-fsanitize=thread` puts in; no sanitizer is linked. g++ puts none in where a
 * struct is stored that a call returned, unless the call is inlined. Locals without a value get a pattern.
 */
const checkedFlags = [
  ...["-fsanitize=thread,alignment,bounds", "--param=tsan-instrument-func-entry-exit=0"],
  ...["-O2", "-finline-limit=100000", "-ftrivial-auto-var-init=pattern", "-fno-extern-tls-init"],
];

/** Throws a `MissingTool`. */
export async function findStandInToolchain(): Promise<Toolchain> {
  const [compiler, mpi, toolkit] = await Promise.all([
    findHostCompiler(),
    findMpi(),
    findToolkit(["cudart", "cuBLASLt", "NCCL"]),
  ]);
  const versions = JSON.stringify([...toolkit.values()].map(({ name, version }) => [name, version]));
  const before = [`-I${join(runtimeFolder, "standin", "include")}`];
  const includes = toolkitIncludes(toolkit);
  const call = (flags: readonly string[], includeFlags: readonly string[]) =>
    hostCompiler(compiler, [...standInFlags, ...flags], [...before, ...includeFlags, ...includes], versions);
  const asCpp = ["-x", "c++"];
  const host = call(checkedFlags, publicIncludes);
  const device = call([...asCpp, ...checkedFlags], publicIncludes);
  const own = call(["-O2", ...mpi.compile], ownIncludes);
  const ownKernels = call([...asCpp, ...checkedFlags], ownIncludes);
  const linkFlags = ["-fopenmp", "-rdynamic", "-lboost_context", ...mpi.link, "-ldl", "-lpthread"];
  return {
    name: "stand-in",
    host,
    device,
    hostHeaders: ["calls", "cuda", "host", "program"],
    runtime: [
      ...[...hostFolders, "standin/src"].map((folder) => ({ folder, ending: ".cpp" as const, compiler: own })),
      { folder: "cuda", ending: ".cpp", compiler: own, without: ["attention-cudnn.cpp"] },
      { folder: "cuda", ending: ".cu", compiler: ownKernels },
    ],
    linkCommand: compiler.command,
    linkFlags,
    fingerprint: hashOf([compiler, versions, host.flags, device.flags, own.flags, ownKernels.flags, linkFlags]),
    architectures: [],
  };
}
