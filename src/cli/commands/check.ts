// `dreamc check`: everything that `build` reports, without C++.
import { Command } from "commander";
import type { Invocation } from "../invocation.js";
import { findTrainer } from "../trainer-file.js";

export const checkCommand = (invocation: Invocation): Command =>
  new Command("check")
    .description("report everything that build reports, without C++")
    .argument("<trainer>", "the TypeScript file that launches a trainer")
    .option("--json", "diagnostics and summary as JSON", false)
    .action(async (trainer: string, { json }: { readonly json: boolean }) => {
      const { path } = findTrainer(trainer);
      const { compile } = await import("../../compile.js");
      const { describeProgram, summaryOf } = await import("../program/summary.js");
      const summary = summaryOf(compile(path, { verifies: "every level" }).program);
      invocation.out(json ? `${JSON.stringify(summary)}\n` : describeProgram(summary));
    });
