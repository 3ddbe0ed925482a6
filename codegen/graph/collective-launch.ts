// Collectives of one axis: begun together, ended by the wait of the same handle.
import type { CollectiveLaunch, WaitLaunch } from "../../src/ir/scheduled.js";
import { cppInteger } from "../cpp-text.js";
import { axisText } from "../program/constant-arrays.js";
import type { AmountTable } from "./amount-table.js";
import type { Places } from "./places.js";
import { dtypeTexts } from "./rank-number.js";

const functions = {
  "all-reduce": "allReduce",
  "reduce-scatter": "reduceScatter",
  "all-gather": "allGather",
  "all-to-all": "allToAll",
} as const;

export function writeCollective(launch: CollectiveLaunch, places: Places, amounts: AmountTable): readonly string[] {
  const parts = launch.parts.map(({ dtype, source, target, numElements }, i) => {
    const from = places.pointer(source.place, source.offset);
    const to = places.pointer(target.place, target.offset);
    return `    {${dtypeTexts[dtype]}, ${from}, ${to}, ${amounts.text(numElements, `part${launch.handle}_${i}Size`)}},`;
  });
  const reduces = launch.what === "all-reduce" || launch.what === "reduce-scatter";
  const args = [
    cppInteger(launch.handle),
    ...(reduces ? [`dream::Reduction::${launch.reduction}`] : []),
    "parts",
    cppInteger(launch.parts.length),
  ];
  return [
    "{",
    "  const dream::CollectivePart parts[] = {",
    ...parts.map((part) => `  ${part}`),
    "  };",
    `  run.communicator(${axisText(launch.axis)}).${functions[launch.what]}(${args.join(", ")});`,
    "}",
  ];
}

export const writeWait = ({ axis, handle }: WaitLaunch): string =>
  `run.communicator(${axisText(axis)}).wait(${cppInteger(handle)});`;
