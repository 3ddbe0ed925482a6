// Every rank's collectives must match those of its group in kind, order, shape and element type, or the program hangs or
// mixes data. Each rank's list is taken from the graph that it runs; then all lists are drained together.
import type { LocalGraph, StageStep, Step } from "./graph.js";
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
  /** Of a transfer between stages: its side, and the other rank and the channel. The sender goes on at once. */
  readonly transfer?: { readonly side: "send" | "receive"; readonly peer: number; readonly channel: number };
}

/** The collectives of one rank in order, repeats unrolled. */
export function collectivesOf(
  graph: LocalGraph,
  rank: number,
  degrees: Degrees,
  world: Degrees = degrees,
): readonly Collective[] {
  const list: Collective[] = [];
  const walk = (steps: readonly Step<"local">[]): void => {
    for (const step of steps) {
      if (step.kind === "repeat") for (let round = 0; round < step.count; round++) walk(step.body);
      if (step.kind === "stage") list.push(...transferOf(step, rank, degrees, world));
      if (step.kind !== "move" || !isCollective(step.move)) continue;
      const { what, axis, dim, to, reduction } = step.move;
      const [{ type, placement }] = step.inputs;
      const shape = localShape(type.shape, placement, degrees);
      list.push({
        axis,
        group: groupOf(rank, axis, world),
        what: `${what} ${reduction} dim ${dim} to ${to} of ${type.dtype}[${shape}] at ${showPlacement(placement)}`,
      });
    }
  };
  walk(graph.steps);
  return list;
}

function transferOf(step: StageStep, rank: number, degrees: Degrees, world: Degrees): readonly Collective[] {
  const { act } = step;
  if (act.what !== "send" && act.what !== "receive") return [];
  const { type, placement, filled } = (step.inputs[0] ?? step.outputs[0])!;
  const group = groupOf(rank, "pp", world);
  return [
    {
      axis: "pp",
      group,
      what: `${type.dtype}[${localShape(type.shape, placement, degrees)}] at ${showPlacement(placement)} filled ${filled}`,
      transfer: { side: act.what, peer: group[act.peer]!, channel: act.channel },
    },
  ];
}

/**
 * What keeps the ranks from finishing, or null. `graphOf` is the graph that a rank runs; `world` has the degrees by which
 * ranks are numbered, where those of sizes cut time too.
 */
export function findMismatch(
  graphOf: (rank: number) => LocalGraph,
  degrees: Degrees,
  world: Degrees = degrees,
): string | null {
  const queues = Array.from({ length: numRanks(world) }, (_, rank) =>
    [...collectivesOf(graphOf(rank), rank, degrees, world)].reverse(),
  );
  /** What was sent and not received, by channel and receiver. */
  const mail = new Map<string, string>();
  for (;;) {
    let isStuck = true;
    for (const [rank, queue] of queues.entries()) {
      const next = queue.at(-1);
      if (!next) continue;
      if (next.transfer) {
        const { side, peer, channel } = next.transfer;
        const key = `channel ${channel} to rank ${side === "send" ? peer : rank}`;
        if (side === "send" && mail.has(key)) return `rank ${rank} sends twice in ${key}`;
        if (side === "send") mail.set(key, next.what);
        else if (!mail.has(key)) continue;
        else if (mail.get(key) !== next.what)
          return `rank ${rank} receives ${next.what} in ${key}, not ${mail.get(key)}`;
        else mail.delete(key);
        queue.pop();
        isStuck = false;
        continue;
      }
      const peers = next.group.map((peer) => queues[peer]!.at(-1));
      const isThere = (peer: Collective | undefined): boolean =>
        peer !== undefined && !peer.transfer && peer.axis === next.axis && String(peer.group) === String(next.group);
      if (!peers.every(isThere)) continue;
      const other = peers.findIndex((peer) => peer!.what !== next.what);
      if (other >= 0)
        return `rank ${rank} starts ${next.what} over ${next.axis}, rank ${next.group[other]} ${peers[other]!.what}`;
      for (const peer of next.group) queues[peer]!.pop();
      isStuck = false;
    }
    const waiting = queues.findIndex((queue) => queue.length > 0);
    if (waiting < 0) return mail.size === 0 ? null : `nobody receives ${[...mail.keys()][0]}`;
    if (isStuck) {
      const next = queues[waiting]!.at(-1)!;
      const whom = next.transfer ? `rank ${next.transfer.peer}` : `ranks ${next.group}`;
      return `rank ${waiting} waits in ${next.what} over ${next.axis} for ${whom} forever`;
    }
  }
}
