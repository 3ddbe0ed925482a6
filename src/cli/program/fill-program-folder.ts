// Everything that a build writes: the program, its C++, its manifest, and what it was made from.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emitProgram } from "../../../codegen/emit-program.js";
import { compile } from "../../compile.js";
import type { Target } from "../../ir/target.js";
import { compileSources } from "../../native/compile-sources.js";
import { namedKernels } from "../../native/cuda/kernel-report.js";
import type { Toolchain } from "../../native/toolchain.js";
import type { PassReport } from "../../passes/pass-runner.js";
import { noAnswers } from "../../phases/1-evaluate/disk.js";
import { show } from "../ir/show.js";
import type { TrainerFile } from "../trainer-file.js";
import { recordOf, writeRecord } from "./build-record.js";
import { manifestOf } from "./manifest.js";

export interface FillOptions {
  readonly trainer: TrainerFile;
  readonly target: Target;
  readonly toolchain: Toolchain;
  readonly dumpIr: boolean;
  /** See build-program.ts. */
  readonly key: string;
  /** Called before something that takes a minute. */
  readonly onCompileRuntime: () => void;
  /** Ends the C++ compiler. */
  readonly signal: AbortSignal;
}

export async function fillProgramFolder(
  folder: string,
  { trainer, target, toolchain, dumpIr, key, signal, onCompileRuntime }: FillOptions,
): Promise<void> {
  const disk = noAnswers();
  const scheduled = compile(trainer.path, {
    disk,
    verifies: dumpIr ? "every pass" : "every level",
    ...(dumpIr ? { onPass: dumpInto(join(folder, "ir")) } : {}),
  });
  const sources = join(folder, "src");
  mkdirSync(sources);
  for (const [name, text] of emitProgram(scheduled, target)) writeFileSync(join(sources, name), text);
  const program = join(folder, trainer.name);
  const { kernels } = await compileSources({ toolchain, sources, program, signal, onCompileRuntime });
  const { architectures } = toolchain;
  const manifest = manifestOf(scheduled, { target, file: trainer.name, architectures, kernels: namedKernels(kernels) });
  writeFileSync(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  writeRecord(folder, recordOf(folder, key, disk));
}

/** Writes each pass's result into a file of its own: `03-differentiate.txt`. */
function dumpInto(folder: string): (report: PassReport) => void {
  mkdirSync(folder);
  let count = 0;
  return ({ name, program }) => {
    count++;
    writeFileSync(join(folder, `${String(count).padStart(2, "0")}-${name}.txt`), show(program, "text", null));
  };
}
