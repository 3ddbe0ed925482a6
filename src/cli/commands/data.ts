// `dreamc data prepare`: text files to a token folder.
import { Command, InvalidArgumentError, Option } from "commander";
import { type TokenizerName, tokenizerNames } from "../data/tokenizers.js";
import type { Invocation } from "../invocation.js";
import { UsageError } from "../usage-error.js";

interface PrepareFlags {
  readonly tokenizer?: TokenizerName;
  readonly output?: string;
  readonly validationShare: number;
  readonly json: boolean;
}

export function dataCommand(invocation: Invocation): Command {
  const prepare = new Command("prepare")
    .description("text files to memory-mapped token files with a manifest")
    .argument("<files...>", "text files, folders (everything in them), and patterns with * and ** in quotes")
    .addOption(new Option("-t, --tokenizer <name>", "how text becomes tokens").choices(tokenizerNames))
    .option("-o, --output <folder>", "the token folder; one that dreamc made is replaced")
    .option("--validation-share <share>", "part of the text kept for validation", parseShare, 0.1)
    .option("--json", "the manifest on standard output", false)
    .action(async (files: readonly string[], { tokenizer, output, validationShare, json }: PrepareFlags) => {
      if (tokenizer === undefined)
        throw new UsageError("no tokenizer is named", `say --tokenizer ${tokenizerNames.join(" or --tokenizer ")}`);
      if (output === undefined) throw new UsageError("no output folder is named", "say -o and a folder");
      const { prepareTokens } = await import("../data/prepare-tokens.js");
      const { describePrepared, progressLine } = await import("../data/describe-prepared.js");
      const onProgress = progressLine(invocation);
      const prepared = await prepareTokens(files, { tokenizer, folder: output, validationShare, onProgress });
      invocation.out(json ? `${JSON.stringify(prepared.manifest)}\n` : describePrepared(prepared, output));
    });
  return new Command("data").description("prepare the files that programs read").addCommand(prepare);
}

function parseShare(text: string): number {
  const share = Number(text);
  if (text.trim() === "" || !(share >= 0 && share < 1)) throw new InvalidArgumentError("It is from 0 to under 1.");
  return share;
}
