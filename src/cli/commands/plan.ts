// `dreamc plan`: what each rank will need, send and compute, before anything is built; on any mesh, at any size.
import { Command } from "commander";
import type { Invocation } from "../invocation.js";
import { findTrainer } from "../trainer-file.js";

interface PlanFlags {
  readonly mesh?: string;
  readonly set: readonly string[];
  readonly json: boolean;
}

export const planCommand = (invocation: Invocation): Command =>
  new Command("plan")
    .description("memory of each rank, communication and work of each step, before anything is built")
    .argument("<trainer>", "the TypeScript file that launches a trainer")
    .option(
      "--mesh <degrees>",
      "such as tp=2,dpShard=2: pp, dpReplicate, dpShard, cp, tp (default: as the trainer says)",
    )
    .option(
      "--set <key=value>",
      "change a config value, also one that shapes tensors; may be given several times",
      (text: string, before: readonly string[]) => [...before, text],
      [],
    )
    .option("--json", "diagnostics and plan as JSON", false)
    .action(async (trainer: string, { mesh, set, json }: PlanFlags) => {
      const { path } = findTrainer(trainer);
      const { meshSettings, parseMesh } = await import("../verify/asked-mesh.js");
      const { parseSettings, refuseUnknown } = await import("../verify/settings.js");
      const asked = mesh === undefined ? [] : meshSettings(parseMesh(mesh));
      const settings = new Map([...asked, ...parseSettings(set)]);
      const { compile } = await import("../../compile.js");
      const { UnknownSettings } = await import("../../phases/1-evaluate/evaluate.js");
      const { planOf } = await import("../program/plan.js");
      const { describePlan } = await import("../program/describe-plan.js");
      try {
        const plan = planOf(compile(path, { verifies: "every level", settings }));
        invocation.out(json ? `${JSON.stringify(plan)}\n` : describePlan(plan));
      } catch (fault) {
        throw fault instanceof UnknownSettings ? refuseUnknown(fault) : fault;
      }
    });
