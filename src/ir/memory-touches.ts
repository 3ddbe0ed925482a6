// What launches touch: the places of their operands, and whether they write there.
import type { Buffer, Launch, Place } from "./scheduled.js";

/** The buffers that a place can be. */
export const leavesOf = (place: Place): readonly Buffer[] =>
  place.kind === "buffer" ? [place] : [...new Set(place.items.flatMap(leavesOf))];

/** Everything that a launch reads or writes. */
export function touchesOf(launch: Exclude<Launch, { kind: "loop" }>): readonly { place: Place; isWrite: boolean }[] {
  switch (launch.kind) {
    case "kernel":
      return launch.operands.map(({ place }, i) => ({ place, isWrite: launch.kernel.operands[i]!.role === "write" }));
    case "table":
      return launch.rows.flatMap(({ operands }) =>
        operands.map(({ place }, i) => ({ place, isWrite: launch.kernel.operands[i]!.role === "write" })),
      );
    case "call":
      return [
        ...launch.operands.map(({ place, role }) => ({ place, isWrite: role === "write" })),
        ...(launch.workspace ? [{ place: launch.workspace, isWrite: true }] : []),
      ];
    case "collective":
      return launch.parts.flatMap(({ source, target }) => [
        ...(launch.what === "receive" ? [] : [{ place: source.place, isWrite: false }]),
        ...(launch.what === "send" ? [] : [{ place: target.place, isWrite: true }]),
      ]);
    case "observe":
      return [{ place: launch.view.place, isWrite: false }];
    case "wait":
      return [];
  }
}
