// Builds a trainer into its folder, unless the program that lies there is what a build would make now. Then neither
// TypeScript's compiler nor the passes are loaded.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { TrainerFile } from "../trainer-file.js";
import { withUnfinishedFolder } from "../unfinished-folder.js";
import { isUpToDate } from "./build-record.js";
import type { ProgramManifest } from "./manifest.js";
import { publish, refuseForeignOutput } from "./output-folder.js";
import { ownFingerprint } from "./own-fingerprint.js";

export interface BuildOptions {
  readonly target: "cpu";
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
  { target, output, dumpIr = false, onCompileRuntime }: BuildOptions,
): Promise<Built> {
  const start = performance.now();
  const folder = resolve(output ?? join("build", trainer.name));
  refuseForeignOutput(folder, output ?? join("build", trainer.name));
  const key = await keyOf({ trainer: trainer.path, target, dumpIr });
  const wasUpToDate = isUpToDate(folder, key);
  if (!wasUpToDate) {
    const { fillProgramFolder } = await import("./fill-program-folder.js");
    await withUnfinishedFolder(
      folder,
      (unfinished, signal) => fillProgramFolder(unfinished, { trainer, target, dumpIr, key, signal, onCompileRuntime }),
      (unfinished) => publish(unfinished, folder),
    );
  }
  const manifest: ProgramManifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const seconds = (performance.now() - start) / 1000;
  return { folder, program: join(folder, manifest.program), manifest, wasUpToDate, seconds };
}

/** Changes with everything that a program is made from, but for the TypeScript that is read. */
async function keyOf(options: {
  readonly trainer: string;
  readonly target: string;
  readonly dumpIr: boolean;
}): Promise<string> {
  const { toolchainFingerprint } = await import("../../native/toolchain.js");
  return JSON.stringify({ ...options, dreamc: ownFingerprint(), toolchain: await toolchainFingerprint() });
}
