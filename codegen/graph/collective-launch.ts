// Collectives of one axis: begun together, ended by the wait of the same handle.
import type { CollectiveLaunch, Turn, WaitLaunch } from "../../src/ir/scheduled.js";
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
function handleText({ handle, turn }: CollectiveLaunch | WaitLaunch, places: Places): string {
  if (!turn || turn.numHandles === 1) return cppInteger(handle);
  const round = turnText(turn, places);
  return `${cppInteger(handle)} + ${turn.ahead === 0 ? round : `(${round})`} % ${turn.numHandles}`;
}
const turnText = ({ loop, ahead }: Turn, places: Places): string =>
  ahead === 0 ? places.indexOf(loop) : `${places.indexOf(loop)} + ${ahead}`;

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
    launch.turn ? `if (${turnText(launch.turn, places)} < ${launch.turn.count}) {` : "{",
    "  const dream::CollectivePart parts[] = {",
    ...parts.map((part) => `  ${part}`),
    "  };",
    `  run.communicator(${axisText(launch.axis)}).${functions[launch.what]}(${args.join(", ")});`,
    "}",
  ];
}

export const writeWait = (launch: WaitLaunch, places: Places): string =>
  `run.communicator(${axisText(launch.axis)}).wait(${handleText(launch, places)});`;
