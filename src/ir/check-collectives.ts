// Every rank's collectives must match those of its group in kind, order, shape and element type, or the program hangs or
// mixes data. Each rank's list is taken from the graph that it runs; then all lists are drained together.
import type { LocalGraph, Step } from "./graph.js";
import { localShape } from "./local-size.js";
import { type Degrees, groupOf, numRanks } from "./mesh.js";
import type { Axis } from "./placement.js";
import { showPlacement } from "./placement-text.js";
import { isCollective } from "./traffic.js";

export interface Collective {
  readonly axis: Axis;
  readonly group: readonly number[];
  /** Kind, reduction, dims, local shape and element type. */
  readonly what: string;
}

/** The collectives of one rank in order, repeats unrolled. */
export function collectivesOf(graph: LocalGraph, rank: number, degrees: Degrees): readonly Collective[] {
  const list: Collective[] = [];
  const walk = (steps: readonly Step<"local">[]): void => {
    for (const step of steps) {
      if (step.kind === "repeat") for (let round = 0; round < step.count; round++) walk(step.body);
      if (step.kind !== "move" || !isCollective(step.move)) continue;
      const { what, axis, dim, to, reduction } = step.move;
      const [{ type, placement }] = step.inputs;
      const shape = localShape(type.shape, placement, degrees);
      list.push({
        axis,
        group: groupOf(rank, axis, degrees),
        what: `${what} ${reduction} dim ${dim} to ${to} of ${type.dtype}[${shape}] at ${showPlacement(placement)}`,
      });
    }
  };
  walk(graph.steps);
  return list;
}

/** What keeps the ranks from finishing, or null. `graphOf` is the graph that a rank runs. */
export function findMismatch(graphOf: (rank: number) => LocalGraph, degrees: Degrees): string | null {
  const queues = Array.from({ length: numRanks(degrees) }, (_, rank) =>
    [...collectivesOf(graphOf(rank), rank, degrees)].reverse(),
  );
  for (;;) {
    let isStuck = true;
    for (const [rank, queue] of queues.entries()) {
      const next = queue.at(-1);
      if (!next) continue;
      const peers = next.group.map((peer) => queues[peer]!.at(-1));
      if (!peers.every((peer) => peer?.axis === next.axis && String(peer.group) === String(next.group))) continue;
      const other = peers.findIndex((peer) => peer!.what !== next.what);
      if (other >= 0)
        return `rank ${rank} starts ${next.what} over ${next.axis}, rank ${next.group[other]} ${peers[other]!.what}`;
      for (const peer of next.group) queues[peer]!.pop();
      isStuck = false;
    }
    const waiting = queues.findIndex((queue) => queue.length > 0);
    if (waiting < 0) return null;
    if (isStuck) {
      const next = queues[waiting]!.at(-1)!;
      return `rank ${waiting} waits in ${next.what} over ${next.axis} for ranks ${next.group} forever`;
    }
  }
}
