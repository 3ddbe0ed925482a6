// What people want to know of a program at a glance: how many parameters, how it is spread, what it reads.
import { countParameters } from "../../ir/count-parameters.js";
import { fixedRanks } from "../../ir/mesh.js";
import { type Axis, rankAxes } from "../../ir/placement.js";
import type { Program } from "../../ir/program.js";

export interface ProgramSummary {
  readonly name: string;
  /** Of all models; tied ones once. */
  readonly numParameters: number;
  readonly precision: string;
  /** Degrees that are not 1. */
  readonly mesh: { readonly [A in Axis]?: number | "auto" };
  /** The product of the degrees that are given. */
  readonly smallestWorldSize: number;
  readonly graphs: readonly string[];
}

export const summaryOf = ({ name, states, precision, mesh, graphs, pipelined }: Program): ProgramSummary => ({
  name,
  numParameters: countParameters({ states }),
  precision: precision.compute,
  mesh: Object.fromEntries(rankAxes.flatMap((axis) => (mesh.degrees[axis] === 1 ? [] : [[axis, mesh.degrees[axis]]]))),
  smallestWorldSize: fixedRanks(mesh, rankAxes),
  graphs: [...(pipelined?.graphs ?? graphs).keys()],
});

/** Two lines or three, names first. */
export function describeProgram({ name, numParameters, precision, mesh, graphs }: ProgramSummary): string {
  const degrees = Object.entries(mesh).map(([axis, degree]) => `${axis} ${degree}`);
  return [
    `${name}: ${numParameters.toLocaleString("en")} parameters, ${precision}`,
    `  mesh    ${degrees.length === 0 ? "one rank" : degrees.join(", ")}`,
    `  graphs  ${graphs.join(", ")}`,
    "",
  ].join("\n");
}
