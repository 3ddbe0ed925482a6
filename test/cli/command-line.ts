// Runs `dreamc` within the test: the same code as the program, with its streams caught.
import { dreamc } from "../../src/cli/command-line.js";

export interface Outcome {
  readonly exitCode: number;
  readonly out: string;
  readonly error: string;
}

export async function runDreamc(...args: readonly string[]): Promise<Outcome> {
  let out = "";
  let error = "";
  const exitCode = await dreamc(args, {
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text;
    },
    inColour: false,
    isWatched: false,
    exitCode: 0,
    endedBy: null,
  });
  return { exitCode, out, error };
}
