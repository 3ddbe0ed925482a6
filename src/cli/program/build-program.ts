// Builds a trainer into its folder, unless the program that lies there is what a build would make now. Then neither
// TypeScript's compiler nor the passes are loaded.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { nearestName } from "../../diagnostics/nearest-name.js";
import type { Target } from "../../ir/target.js";
import { UnknownArchitecture } from "../../native/cuda/architectures.js";
import type { Toolchain, ToolchainRequest } from "../../native/toolchain.js";
import type { TrainerFile } from "../trainer-file.js";
import { withUnfinishedFolder } from "../unfinished-folder.js";
import { UsageError } from "../usage-error.js";
import { isUpToDate } from "./build-record.js";
import type { ProgramManifest } from "./manifest.js";
import { publish, refuseForeignOutput } from "./output-folder.js";
import { ownFingerprint } from "./own-fingerprint.js";

export interface BuildOptions {
  readonly target: Target;
  /** GPUs to compile for, as `--arch` has them; null: those of this machine, or the usual ones. */
  readonly architectures?: string | null;
  /** The default is `build/<trainer>`. */
  readonly output?: string;
  /** Write the program after each pass. */
  readonly dumpIr?: boolean;
  /** Called before the runtime is compiled, which happens once on a machine. */
  readonly onCompileRuntime: () => void;
}
export interface Built {
  readonly folder: string;
  /** The program's file. */
  readonly program: string;
  readonly manifest: ProgramManifest;
  readonly wasUpToDate: boolean;
  readonly seconds: number;
}

/** Throws `Diagnosed` on faults of the trainer, `UsageError` where the folder cannot be used, `MissingTool`. */
export async function buildProgram(
  trainer: TrainerFile,
  { target, architectures = null, output, dumpIr = false, onCompileRuntime }: BuildOptions,
): Promise<Built> {
  const start = performance.now();
  const folder = resolve(output ?? join("build", trainer.name));
  refuseForeignOutput(folder, output ?? join("build", trainer.name));
  const toolchain = await toolchainFor(target === "cuda" ? { name: "cuda", architectures } : { name: "cpu" });
  const key = JSON.stringify({
    ...{ trainer: trainer.path, target, dumpIr },
    ...{ dreamc: ownFingerprint(), toolchain: toolchain.fingerprint },
  });
  const wasUpToDate = isUpToDate(folder, key);
  if (!wasUpToDate) {
    const { fillProgramFolder } = await import("./fill-program-folder.js");
    await withUnfinishedFolder(
      folder,
      (unfinished, signal) =>
        fillProgramFolder(unfinished, { trainer, target, toolchain, dumpIr, key, signal, onCompileRuntime }),
      (unfinished) => publish(unfinished, folder),
    );
  }
  const manifest: ProgramManifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const seconds = (performance.now() - start) / 1000;
  return { folder, program: join(folder, manifest.program), manifest, wasUpToDate, seconds };
}

/** An architecture that nvcc does not know is wrong usage. */
async function toolchainFor(request: ToolchainRequest): Promise<Toolchain> {
  const { findToolchain } = await import("../../native/find-toolchain.js");
  try {
    return await findToolchain(request);
  } catch (fault) {
    if (!(fault instanceof UnknownArchitecture)) throw fault;
    const nearest = nearestName(fault.asked, fault.known);
    const known = `it knows ${fault.known.join(", ")}`;
    throw new UsageError(fault.message, nearest === null ? known : `did you mean ${nearest}? ${known}`);
  }
}
