// Ranks of a mesh: degrees with "auto" filled in, a rank's coordinate on each axis, the group it forms with others.
import { type Axis, axisOrder, type Mesh, rankAxes } from "./placement.js";

/** A mesh with every degree known. */
export type Degrees = { readonly [A in Axis]: number };
/** A rank's place on each axis, from 0. */
export type Coordinates = { readonly [A in Axis]: number };

export const oneRank: Mesh = {
  degrees: { pp: 1, dpReplicate: 1, dpShard: 1, microbatch: 1, cp: 1, tp: 1 },
};

export const meshOf = (degrees: Partial<Mesh["degrees"]>): Mesh => ({ degrees: { ...oneRank.degrees, ...degrees } });

/** The axes that can have more than one rank, outermost first. */
export const liveAxes = (mesh: Mesh): readonly Axis[] => axisOrder.filter((axis) => mesh.degrees[axis] !== 1);

/** The axis whose degree is taken from the world size, if one is. */
export const autoAxis = (mesh: Mesh): Axis | null => axisOrder.find((axis) => mesh.degrees[axis] === "auto") ?? null;

/** Product of the degrees that are numbers. */
export const fixedRanks = (mesh: Mesh, axes: readonly Axis[] = axisOrder): number =>
  axes.reduce((n, axis) => (mesh.degrees[axis] === "auto" ? n : n * (mesh.degrees[axis] as number)), 1);

/** The degrees when "auto" is `auto`. */
export function degreesOf(mesh: Mesh, auto = 1): Degrees {
  const degree = (axis: Axis): number => (mesh.degrees[axis] === "auto" ? auto : (mesh.degrees[axis] as number));
  return {
    pp: degree("pp"),
    dpReplicate: degree("dpReplicate"),
    dpShard: degree("dpShard"),
    microbatch: degree("microbatch"),
    cp: degree("cp"),
    tp: degree("tp"),
  };
}

/** Microbatches are no ranks: degrees by which ranks are counted and numbered once time is cut apart from them. */
export const onRanks = (degrees: Degrees): Degrees => ({ ...degrees, microbatch: 1 });

/** The degrees in a world of `numRanks`, or null where it does not fit the mesh. */
export function degreesIn(mesh: Mesh, numRanks: number): Degrees | null {
  const fixed = fixedRanks(mesh, rankAxes);
  if (autoAxis(mesh) === null) return numRanks === fixed ? degreesOf(mesh) : null;
  return numRanks > 0 && numRanks % fixed === 0 ? degreesOf(mesh, numRanks / fixed) : null;
}

export const numRanks = (degrees: Degrees, axes: readonly Axis[] = axisOrder): number =>
  axes.reduce((n, axis) => n * degrees[axis], 1);

export function coordinatesOf(rank: number, degrees: Degrees): Coordinates {
  const at: Record<Axis, number> = { pp: 0, dpReplicate: 0, dpShard: 0, microbatch: 0, cp: 0, tp: 0 };
  let rest = rank;
  for (const axis of [...axisOrder].reverse()) {
    at[axis] = rest % degrees[axis];
    rest = Math.floor(rest / degrees[axis]);
  }
  return at;
}

/** The ranks that differ from this one on `axis` alone, this one included, in the order of their coordinate. */
export function groupOf(rank: number, axis: Axis, degrees: Degrees): readonly number[] {
  const stride = numRanks(degrees, axisOrder.slice(axisOrder.indexOf(axis) + 1));
  const first = rank - coordinatesOf(rank, degrees)[axis] * stride;
  return Array.from({ length: degrees[axis] }, (_, i) => first + i * stride);
}
