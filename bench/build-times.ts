// How long `dreamc build` takes where only the program is new, and how long a built program takes to begin.

import { median } from "./contender.js";
import { type BuiltProgram, build, runProgram } from "./dreamc-contender.js";
import { seconds, showTable } from "./table.js";

export interface BuildTime {
  readonly what: string;
  readonly command: string;
  readonly seconds: readonly number[];
  readonly medianSeconds: number;
}

const timed = (what: string, command: string, times: readonly number[]): BuildTime => ({
  what,
  command,
  seconds: times,
  medianSeconds: median(times),
});

function buildTime(what: string, trainer: string, repeats: number, isFresh: boolean): BuildTime {
  const builds: BuiltProgram[] = Array.from({ length: repeats }, () => build(trainer, { isFresh }));
  return timed(
    what,
    builds[0]!.command,
    builds.map((each) => each.seconds),
  );
}

/** The runtime must have been built before. */
export async function buildTimes(repeats: number): Promise<readonly BuildTime[]> {
  const small = "bench/trainers/gpt2.ts";
  const quickstart = build("examples/gpt/trainer.ts");
  const starts: number[] = [];
  let command = "";
  for (let i = 0; i < repeats; i++) {
    const run = await runProgram(quickstart.program, ["--set", "datasetPath=build/bench/bytes"], 1, 2);
    starts.push(run.startSeconds);
    command = run.command;
  }
  return [
    buildTime("dreamc build, GPT-2 small", small, repeats, true),
    buildTime("dreamc build, 96 layers", "bench/trainers/gpt2-96-layers.ts", repeats, true),
    buildTime("dreamc build, nothing to do", small, repeats, false),
    timed("exec to the first step, quickstart model", command, starts),
  ];
}

export const showBuildTimes = (times: readonly BuildTime[]): string =>
  [
    showTable(
      ["", "median", "least-most"],
      times.map((time) => [
        time.what,
        seconds(time.medianSeconds),
        `${Math.min(...time.seconds).toFixed(3)}-${Math.max(...time.seconds).toFixed(3)}`,
      ]),
    ),
    ...times.map(({ what, command }) => `  ${what}: ${command}`),
  ].join("\n");
