// The text of a placement, for dumps and messages: `[dpReplicate·dpShard, -, tp:20] +cp` is split along dim 0 by two
// axes and along dim 2 by tp in units of 20 elements, and is a sum not yet reduced over cp (`^cp`: a maximum).
import {
  type Axis,
  axisOrder,
  type DimSplit,
  notSplit,
  type Placement,
  partialAxes,
  type Reduction,
} from "./placement.js";

const showSplit = ({ axes, unit }: DimSplit): string =>
  axes.length === 0 ? "-" : axes.join("·") + (unit === 1 ? "" : `:${unit}`);

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

function parseSplit(text: string): DimSplit {
  if (text === "-") return notSplit;
  const [axes, unit] = text.split(":");
  return { axes: axes!.split("·").map(parseAxis), unit: unit === undefined ? 1 : Number(unit) };
}

function parseAxis(text: string): Axis {
  const axis = axisOrder.find((known) => known === text);
  if (!axis) throw new Error(`"${text}" is not a mesh axis`);
  return axis;
}
