// `dreamc doctor`: what this machine has of what dreamc needs.
import { Command } from "commander";
import type { Invocation } from "../invocation.js";
import { exitCodes } from "../report.js";

export const doctorCommand = (invocation: Invocation): Command =>
  new Command("doctor")
    .description("compilers and libraries: found, version, and what to install")
    .option("--json", "one JSON object a tool", false)
    .action(async ({ json }: { readonly json: boolean }) => {
      const { canBuild, describeFindings, diagnose, findingsJson } = await import("../doctor/diagnose.js");
      const diagnosis = await diagnose();
      invocation.out(
        json
          ? findingsJson(diagnosis.findings)
              .map((line) => `${JSON.stringify(line)}\n`)
              .join("")
          : describeFindings(diagnosis),
      );
      if (!canBuild(diagnosis.findings)) invocation.exitCode = exitCodes.toolMissing;
    });
