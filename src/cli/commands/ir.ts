// `dreamc ir`: the program after a pass, as text, JSON or a picture.
import { Command, Option } from "commander";
import type { Invocation } from "../invocation.js";
import { findTrainer } from "../trainer-file.js";

interface IrFlags {
  readonly after?: string;
  readonly list: boolean;
  readonly format: "text" | "json" | "dot";
  readonly graph?: string;
}

export const irCommand = (invocation: Invocation): Command =>
  new Command("ir")
    .description("print the program after a pass")
    .argument("<trainer>", "the TypeScript file that launches a trainer")
    .option("--after <pass>", "after which pass (default: the last)")
    .option("--list", "the passes in order, with their times", false)
    .addOption(new Option("--format <format>", "dot is for Graphviz").choices(["text", "json", "dot"]).default("text"))
    .option("--graph <name>", "one graph alone")
    .action(async (trainer: string, { after, list, format, graph }: IrFlags) => {
      const { path } = findTrainer(trainer);
      const { listPasses, programAfter } = await import("../ir/program-after.js");
      if (list) {
        invocation.out(listPasses(path));
        return;
      }
      const program = programAfter(path, after ?? null);
      const { show } = await import("../ir/show.js");
      invocation.out(show(program, format, graph ?? null));
    });
