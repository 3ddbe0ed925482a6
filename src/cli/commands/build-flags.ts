// Options of every command that builds.
import { type Command, Option } from "commander";
import { type Target, targets } from "../../ir/target.js";
import type { Invocation } from "../invocation.js";
import type { BuildOptions } from "../program/build-program.js";
import { UsageError } from "../usage-error.js";

export interface BuildFlags {
  readonly target: Target;
  readonly arch?: string;
  readonly output?: string;
  readonly json: boolean;
}

export const buildOptions = (command: Command): Command =>
  command
    .addOption(new Option("--target <target>", "what the program runs on").choices(targets).default("cpu"))
    .option(
      "--arch <names>",
      "with --target cuda: GPUs to compile for, such as sm_90,sm_80 (default: those of this machine, else sm_80 and sm_90)",
    )
    .option("-o, --output <folder>", "where the program goes (default: build/<trainer>)")
    .option("--json", "diagnostics and summary as JSON", false);

/** What they ask of a build. Throws a `UsageError`. */
export function askedBuild({
  target,
  arch,
  output,
}: BuildFlags): Pick<BuildOptions, "target" | "architectures" | "output"> {
  if (arch !== undefined && target !== "cuda") throw new UsageError("--arch is for GPUs", "add --target cuda");
  if (target === "cuda")
    throw new UsageError("programs for GPUs are not built yet", "without --target the program runs on CPUs");
  return { target, architectures: arch ?? null, ...(output === undefined ? {} : { output }) };
}

/** Said before the runtime is compiled. */
export const sayItTakesTime = ({ error }: Invocation, { json }: Pick<BuildFlags, "json">): void => {
  if (!json) error("compiling the runtime for this machine, once: about half a minute\n");
};
