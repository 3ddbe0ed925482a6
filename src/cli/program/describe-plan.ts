// A plan as people read it: one block for each way to fill an open degree, or a table where there are many.
import { rankAxes } from "../../ir/placement.js";
import { describeBytes, describeCount } from "./bytes.js";
import type { MemoryParts, RankPlan } from "./plan.js";

const partNames: { readonly [part in keyof MemoryParts]: string } = {
  parameters: "parameters",
  gradients: "gradients",
  optimizer: "optimizer state",
  buffers: "buffers",
  activations: "activations at the fullest moment",
  gathered: "gathered parameters then",
  inFlight: "buffers of other collectives then",
  gaps: "gaps, and what other moments need beyond",
};

export const describePlan = (plans: readonly RankPlan[]): string =>
  `${plans.flatMap((plan) => describeOne(plan)).join("\n")}\n`;

function describeOne(plan: RankPlan): string[] {
  const { worldSize, degrees, pp, stateBytes, arenaBytes, offloadedBytes, memory, step } = plan;
  const axes = rankAxes.filter((axis) => degrees[axis] > 1).map((axis) => `${axis} ${degrees[axis]}`);
  const row = (amount: string, what: string): string => `  ${amount.padStart(10)}  ${what}`;
  const parts = Object.entries(partNames).flatMap(([part, name]) => {
    const bytes = memory[part as keyof MemoryParts];
    const where = part === "optimizer" && offloadedBytes > 0 ? ", in host memory" : "";
    return bytes > 0 ? [row(describeBytes(bytes), `${name}${where}`)] : [];
  });
  const graphs = step.graphs.map(({ name, runs }) => (runs === 1 ? name : `${runs} ${name}`)).join(", ");
  return [
    `${worldSize} ${worldSize === 1 ? "rank" : "ranks"}${axes.length > 0 ? ` (${axes.join(", ")})` : ""}, ${pp === undefined ? "each" : `each at place ${pp} of pp`}:`,
    row(describeBytes(stateBytes + arenaBytes), "of memory"),
    ...parts.map((line) => `  ${line}`),
    ...(step.graphs.length === 0 ? [] : [row(`${describeCount(step.flops)}FLOP`, `a step (${graphs})`)]),
    ...step.traffic.map(({ axis, what, count, bytes }) =>
      row(describeBytes(Math.round(bytes)), `sent in a step over ${axis} by ${what}, ${count} tensors`),
    ),
  ];
}
