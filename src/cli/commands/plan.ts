// `dreamc plan`: what each rank will need, send and compute, before anything is built.
import { Command } from "commander";
import type { Invocation } from "../invocation.js";
import { findTrainer } from "../trainer-file.js";

export const planCommand = (invocation: Invocation): Command =>
  new Command("plan")
    .description("memory of each rank, communication and work of each step, before anything is built")
    .argument("<trainer>", "the TypeScript file that launches a trainer")
    .option("--json", "diagnostics and plan as JSON", false)
    .action(async (trainer: string, { json }: { readonly json: boolean }) => {
      const { path } = findTrainer(trainer);
      const { compile } = await import("../../compile.js");
      const { planOf } = await import("../program/plan.js");
      const { describePlan } = await import("../program/describe-plan.js");
      const plan = planOf(compile(path, { verifies: "every level" }));
      invocation.out(json ? `${JSON.stringify(plan)}\n` : describePlan(plan));
    });
