// Collectives of one axis: begun together, ended by the wait of the same handle.
import type { CollectiveLaunch, Stagger, WaitLaunch } from "../../src/ir/scheduled.js";
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
  permute: "permute",
  send: "send",
  receive: "receive",
} as const;

/** The handle of this round or, for what begins ahead, of the round whose turn it is. */
function handleText({ handle, stagger }: CollectiveLaunch | WaitLaunch, places: Places): string {
  if (!stagger || stagger.numHandles === 1) return cppInteger(handle);
  const round = roundText(stagger, places);
  return `${cppInteger(handle)} + ${stagger.ahead === 0 ? round : `(${round})`} % ${stagger.numHandles}`;
}
const roundText = ({ loop, ahead }: Stagger, places: Places): string =>
  ahead === 0 ? places.indexOf(loop) : `${places.indexOf(loop)} ${ahead < 0 ? "-" : "+"} ${Math.abs(ahead)}`;

/** The head of a block that runs where there is the round whose turn it is. */
function roundGuard(stagger: Stagger | undefined, places: Places): string {
  if (!stagger || stagger.ahead === 0) return "";
  if (stagger.ahead < 0) return `if (${places.indexOf(stagger.loop)} >= ${-stagger.ahead}) `;
  return `if (${roundText(stagger, places)} < ${stagger.count}) `;
}

export function writeCollective(launch: CollectiveLaunch, places: Places, amounts: AmountTable): readonly string[] {
  const parts = launch.parts.map(({ dtype, source, target, numElements }, i) => {
    const from = places.pointer(source.place, source.offset);
    const to = places.pointer(target.place, target.offset);
    return `    {${dtypeTexts[dtype]}, ${from}, ${to}, ${amounts.text(numElements, `part${launch.handle}_${i}Size`)}},`;
  });
  const reduces = launch.what === "all-reduce" || launch.what === "reduce-scatter";
  const args = [
    handleText(launch, places),
    ...(reduces ? [`dream::Reduction::${launch.reduction}`] : []),
    ...(launch.transfer ? [cppInteger(launch.transfer.peer), cppInteger(launch.transfer.channel)] : []),
    "parts",
    cppInteger(launch.parts.length),
  ];
  return [
    `${roundGuard(launch.stagger, places)}{`,
    "  const dream::CollectivePart parts[] = {",
    ...parts.map((part) => `  ${part}`),
    "  };",
    `  run.communicator(${axisText(launch.axis)}).${functions[launch.what]}(${args.join(", ")});`,
    "}",
  ];
}

export const writeWait = (launch: WaitLaunch, places: Places): string =>
  `${roundGuard(launch.stagger, places)}run.communicator(${axisText(launch.axis)}).wait(${handleText(launch, places)});`;
