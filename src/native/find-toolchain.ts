// The toolchain that is asked for, on this machine.
import { findCpuToolchain } from "./cpu-toolchain.js";
import { findCudaToolchain } from "./cuda/cuda-toolchain.js";
import { findStandInToolchain } from "./stand-in-toolchain.js";
import type { Toolchain, ToolchainRequest } from "./toolchain.js";

/** Throws a `MissingTool`, and `UnknownArchitecture`. */
export function findToolchain(request: ToolchainRequest): Promise<Toolchain> {
  switch (request.name) {
    case "cpu":
      return findCpuToolchain();
    case "cuda":
      return findCudaToolchain(request.architectures);
    case "stand-in":
      return findStandInToolchain();
  }
}
