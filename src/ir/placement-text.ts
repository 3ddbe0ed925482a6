// The text of a placement, for dumps and messages: `[dpReplicate·dpShard, -, tp:20] +cp` is split along dim 0 by two
// axes and along dim 2 by tp in units of 20 elements, and is a sum not yet reduced over cp (`^cp`: a maximum). `cp@9` is
// cut where a dim of 9 would be, `cp~` deals pieces from the head and the tail.
import {
  type Axis,
  axisOrder,
  type Cut,
  type DimSplit,
  notSplit,
  type Placement,
  partialAxes,
  type Reduction,
} from "./placement.js";

/** What stands behind the axes: `:20@9~`. */
export const showCut = ({ unit, extent, order }: Cut): string =>
  `${unit === 1 ? "" : `:${unit}`}${extent === undefined ? "" : `@${extent}`}${order === undefined ? "" : "~"}`;

export const showSplit = (split: DimSplit): string =>
  split.axes.length === 0 ? "-" : split.axes.join("·") + showCut(split);

export const showPlacement = (placement: Placement): string =>
  [
    `[${placement.dims.map(showSplit).join(", ")}]`,
    ...partialAxes(placement).map((axis) => (placement.partial[axis] === "sum" ? `+${axis}` : `^${axis}`)),
  ].join(" ");

/** The reverse of `showPlacement`. Throws an `Error` on anything else. */
export function parsePlacement(text: string): Placement {
  const match = /^\[([^\]]*)\]((?: [+^]\w+)*)$/.exec(text);
  if (!match) throw new Error(`"${text}" is not a placement`);
  const dims = match[1]! === "" ? [] : match[1]!.split(", ").map(parseSplit);
  const partial: Partial<Record<Axis, Reduction>> = {};
  for (const mark of match[2]!.split(" ").slice(1)) partial[parseAxis(mark.slice(1))] = mark[0] === "+" ? "sum" : "max";
  return { dims, partial };
}

/** The reverse of `showCut`. Throws an `Error` on anything else. */
export function parseCut(text: string): Cut {
  const match = /^(?::(\d+))?(?:@(\d+))?(~)?$/.exec(text);
  if (!match) throw new Error(`"${text}" does not say how a dim is cut`);
  const [, unit, extent, order] = match;
  return {
    unit: unit === undefined ? 1 : Number(unit),
    ...(extent === undefined ? {} : { extent: Number(extent) }),
    ...(order === undefined ? {} : { order: "headTail" }),
  };
}

/** The reverse of `showSplit`. Throws an `Error` on anything else. */
export function parseSplit(text: string): DimSplit {
  if (text === "-") return notSplit;
  const axes = /^[\w·]*/.exec(text)![0];
  return { axes: axes.split("·").map(parseAxis), ...parseCut(text.slice(axes.length)) };
}

function parseAxis(text: string): Axis {
  const axis = axisOrder.find((known) => known === text);
  if (!axis) throw new Error(`"${text}" is not a mesh axis`);
  return axis;
}
