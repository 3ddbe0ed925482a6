// `dreamc build`: a trainer becomes a program.
import { Command } from "commander";
import type { Invocation } from "../invocation.js";
import { findTrainer } from "../trainer-file.js";
import { askedBuild, type BuildFlags, buildOptions, sayItTakesTime } from "./build-flags.js";

interface Flags extends BuildFlags {
  readonly dumpIr: boolean;
}

export function buildCommand(invocation: Invocation): Command {
  const command = new Command("build")
    .description("compile a trainer to a program")
    .argument("<trainer>", "the TypeScript file that launches a trainer")
    .option("--dump-ir", "write the program after each pass to the folder ir", false);
  return buildOptions(command).action(async (trainer: string, options: Flags) => {
    const file = findTrainer(trainer);
    const { buildProgram } = await import("../program/build-program.js");
    const { describeBuilt } = await import("../program/describe-built.js");
    const built = await buildProgram(file, {
      ...askedBuild(options),
      dumpIr: options.dumpIr,
      onCompileRuntime: () => sayItTakesTime(invocation, options),
    });
    invocation.out(options.json ? `${JSON.stringify(built)}\n` : describeBuilt(built));
  });
}
