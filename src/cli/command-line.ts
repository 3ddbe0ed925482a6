// The command line: its commands, and what happens when one fails. Only what a call needs is loaded: `dreamc --version`
// does not wait for TypeScript's compiler.
import { Command } from "commander";
import { packageVersion } from "../../codegen/package-folder.js";
import { buildCommand } from "./commands/build.js";
import { checkCommand } from "./commands/check.js";
import { dataCommand } from "./commands/data.js";
import { doctorCommand } from "./commands/doctor.js";
import { irCommand } from "./commands/ir.js";
import { planCommand } from "./commands/plan.js";
import { runCommand } from "./commands/run.js";
import { verifyCommand } from "./commands/verify.js";
import type { Invocation } from "./invocation.js";
import { report } from "./report.js";

/** Runs one command and returns the exit code. `args` are without `node` and the script. */
export async function dreamc(args: readonly string[], invocation: Invocation): Promise<number> {
  const ownArgs = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  try {
    await commandLine(invocation).parseAsync(args, { from: "user" });
    return invocation.exitCode;
  } catch (fault) {
    return report(fault, invocation, { json: ownArgs.includes("--json"), debug: process.env.DREAMC_DEBUG === "1" });
  }
}

function commandLine(invocation: Invocation): Command {
  const program = new Command("dreamc")
    .description("compiles trainers written in TypeScript to C++ programs that train on one device or many")
    .version(packageVersion, "-V, --version")
    .addHelpText(
      "after",
      "\nA first program:\n  dreamc run examples/mlp/trainer.ts\n\nExit codes: 0 done, 1 the trainer has errors, " +
        "2 wrong usage, 3 a tool is missing, 70 a fault of dreamc's own",
    );
  const commands = [
    buildCommand(invocation),
    checkCommand(invocation),
    runCommand(invocation),
    irCommand(invocation),
    planCommand(invocation),
    verifyCommand(invocation),
    dataCommand(invocation),
    doctorCommand(invocation),
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of withSubcommands(program))
    command
      .exitOverride()
      .configureOutput({ writeOut: invocation.out, writeErr: invocation.error, outputError: () => {} });
  return program;
}

const withSubcommands = (command: Command): readonly Command[] => [
  command,
  ...command.commands.flatMap((inner) => withSubcommands(inner)),
];
