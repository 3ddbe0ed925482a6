// Options of every command that builds.
import { type Command, Option } from "commander";
import type { Invocation } from "../invocation.js";

export interface BuildFlags {
  readonly target: "cpu";
  readonly output?: string;
  readonly json: boolean;
}

export const buildOptions = (command: Command): Command =>
  command
    .addOption(new Option("--target <target>", "what the program runs on").choices(["cpu"]).default("cpu"))
    .option("-o, --output <folder>", "where the program goes (default: build/<trainer>)")
    .option("--json", "diagnostics and summary as JSON", false);

/** Said before the runtime is compiled. */
export const sayItTakesTime = ({ error }: Invocation, { json }: Pick<BuildFlags, "json">): void => {
  if (!json) error("compiling the runtime for this machine, once: about half a minute\n");
};
