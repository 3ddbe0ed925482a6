// `dreamc run`: builds a trainer if needed, and starts its program on this machine.
import { Command, InvalidArgumentError } from "commander";
import type { Invocation } from "../invocation.js";
import { findTrainer } from "../trainer-file.js";
import { UsageError } from "../usage-error.js";
import { askedBuild, type BuildFlags, buildOptions, sayItTakesTime } from "./build-flags.js";

interface RunFlags extends BuildFlags {
  readonly ranks?: number;
}

export function runCommand(invocation: Invocation): Command {
  const command = new Command("run")
    .description("build if needed, and start the program under mpirun (srun inside a Slurm allocation)")
    .argument("<trainer>", "the TypeScript file that launches a trainer")
    .argument("[flags...]", "behind --: flags of the program, such as --max-steps 100")
    .option("-n, --ranks <number>", "processes to start; as many as the mesh needs", parseRanks);
  return buildOptions(command).action(async (trainer: string, flags: readonly string[], options: RunFlags) => {
    if (flags[0] !== undefined && !flags[0].startsWith("-"))
      throw new UsageError(`${flags[0]} is no flag of a program`, "flags of the program go behind --");
    const file = findTrainer(trainer);
    const { buildProgram } = await import("../program/build-program.js");
    const { launch, launchCommand, thisMachine } = await import("../launch.js");
    const { describeBuilt } = await import("../program/describe-built.js");
    const built = await buildProgram(file, {
      ...askedBuild(options),
      onCompileRuntime: () => sayItTakesTime(invocation, options),
    });
    if (!built.wasUpToDate) invocation.error(describeBuilt(built));
    const numRanks = options.ranks ?? built.manifest.smallestWorldSize;
    invocation.exitCode = await launch(launchCommand(built.program, flags, numRanks, thisMachine()));
  });
}

function parseRanks(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !(number >= 1)) throw new InvalidArgumentError("It is a whole number from 1.");
  return number;
}
