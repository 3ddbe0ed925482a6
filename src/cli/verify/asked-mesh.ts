// The mesh that `--mesh tp=2,dpShard=2` asks for, as the config values that make it.
import { nearestName } from "../../diagnostics/nearest-name.js";
import { type Degrees, degreesOf, oneRank } from "../../ir/mesh.js";
import { type Axis, rankAxes } from "../../ir/placement.js";
import { UsageError } from "../usage-error.js";

/** By axis, the entry of `deviceParameters` that holds its degree. */
const entryOf: { readonly [A in Exclude<Axis, "microbatch">]: string } = {
  pp: "pipelineParallel",
  dpReplicate: "dpReplicate",
  dpShard: "dpShard",
  cp: "contextParallel",
  tp: "tensorParallel",
};
const entries = Object.entries(entryOf) as readonly (readonly [Axis, string])[];
const axisOf = new Map<string, Axis>([
  ...entries.flatMap(([axis, entry]) => [[axis, axis] as const, [entry, axis] as const]),
  ["dp", "dpReplicate"],
]);

/** Axes that are not named have one rank. Throws a UsageError. */
export function parseMesh(text: string): Degrees {
  const asked = new Map<Axis, number>();
  for (const part of text.split(",")) {
    const [name = "", degree = "", ...rest] = part.trim().split("=");
    const axis = axisOf.get(name);
    if (axis === undefined) {
      const nearest = nearestName(name, axisOf.keys());
      throw new UsageError(
        `a mesh has no axis "${name}"`,
        nearest === null ? `axes: ${rankAxes.join(", ")}` : `did you mean ${nearest}?`,
      );
    }
    if (rest.length > 0 || !/^[1-9]\d*$/.test(degree))
      throw new UsageError(`the degree of ${name} is a whole number from 1, not "${degree}"`, "--mesh tp=2,dpShard=2");
    if (asked.has(axis)) throw new UsageError(`--mesh names ${axis} twice`);
    asked.set(axis, Number(degree));
  }
  return { ...degreesOf(oneRank), ...Object.fromEntries(asked) };
}

export const meshSettings = (degrees: Degrees): readonly (readonly [string, string])[] =>
  entries.map(([axis, entry]) => [`deviceParameters.${entry}`, String(degrees[axis])]);

/** `tp 2, dpShard 2`. */
export function describeDegrees(degrees: Degrees): string {
  const many = rankAxes.filter((axis) => degrees[axis] > 1);
  return many.length === 0 ? "one device" : many.map((axis) => `${axis} ${degrees[axis]}`).join(", ");
}
