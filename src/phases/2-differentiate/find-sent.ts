// Steps whose result lies elsewhere than their operand by the word of a plan: to make it again is to send it again.
import type { OpStep } from "../../ir/graph.js";
import type { Layout } from "../../ir/layout.js";
import { axisOrder } from "../../ir/placement.js";

export type IsSent = (step: OpStep<"logical">) => boolean;

export const findSent = ({ marks, arrivals }: Pick<Layout, "marks" | "arrivals">): IsSent => {
  const sent = new Set<string>();
  for (const [name, { at }] of arrivals) {
    const goes = marks.get(name);
    if (goes && axisOrder.some((axis) => at[axis] !== undefined && at[axis] !== goes[axis])) sent.add(name);
  }
  return ({ op, attrs }) => {
    const name = op.mark?.(attrs);
    return name !== undefined && sent.has(name);
  };
};
