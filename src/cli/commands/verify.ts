// `dreamc verify`: the program for a mesh and the one for one device, on this machine's CPUs, compared.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import type { Invocation } from "../invocation.js";
import { exitCodes } from "../report.js";
import { findTrainer } from "../trainer-file.js";
import { withUnfinishedFolder } from "../unfinished-folder.js";
import { sayItTakesTime } from "./build-flags.js";

interface VerifyFlags {
  readonly mesh?: string;
  readonly steps: number;
  readonly set: readonly string[];
  readonly json: boolean;
}

export const verifyCommand = (invocation: Invocation): Command =>
  new Command("verify")
    .description("compare the program for a mesh with the one for one device: loss, gradient norm, every gradient")
    .argument("<trainer>", "the TypeScript file that launches a trainer")
    .option(
      "--mesh <degrees>",
      "such as tp=2,dpShard=2: pp, dpReplicate, dpShard, cp, tp (default: as the trainer says)",
    )
    .option("--steps <number>", "optimizer steps to compare", parseSteps, 3)
    .option(
      "--set <key=value>",
      "change a config value, also one that shapes tensors; may be given several times",
      collect,
      [],
    )
    .option("--json", "diagnostics and result as JSON", false)
    .action(async (trainer: string, { mesh, steps, set, json }: VerifyFlags) => {
      const { path, name } = findTrainer(trainer);
      const { parseMesh } = await import("../verify/asked-mesh.js");
      const { parseSettings } = await import("../verify/settings.js");
      const asked = { mesh: mesh === undefined ? null : parseMesh(mesh), settings: parseSettings(set) };
      const { verifyTrainer } = await import("../verify/verify-trainer.js");
      const { describeFailed, describeVerified, verifiedJson } = await import("../verify/describe-verified.js");
      const onProgress = progressLine(invocation, json);
      const onCompileRuntime = (): void => {
        onProgress(null);
        sayItTakesTime(invocation, { json });
      };
      const result = await withUnfinishedFolder(
        join(tmpdir(), `dreamc-verify-${name}`),
        (folder, signal) =>
          verifyTrainer({ path, ...asked, numSteps: steps, onProgress }, { folder, signal, onCompileRuntime }),
        () => {},
      ).finally(() => onProgress(null));
      if (result.kind === "failed") {
        invocation.error(json ? `${JSON.stringify({ id: "program-failed", ...result })}\n` : describeFailed(result));
        invocation.exitCode = exitCodes.userFault;
        return;
      }
      invocation.out(
        json ? `${JSON.stringify(verifiedJson(result))}\n` : describeVerified(result, invocation.inColour),
      );
      if (!result.isEqual) invocation.exitCode = exitCodes.userFault;
    });

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

function parseSteps(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !(number >= 1)) throw new InvalidArgumentError("It is a whole number from 1.");
  return number;
}

/** On a terminal, what is under way, in one line that is cleared at the end (null). */
const progressLine =
  ({ error, isWatched }: Invocation, json: boolean): ((what: string | null) => void) =>
  (what) => {
    if (isWatched && !json) error(what === null ? "\r\x1b[K" : `\r\x1b[K${what} ...`);
  };
