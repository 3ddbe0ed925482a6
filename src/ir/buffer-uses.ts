// What the arena's buffers of a graph are for, by who writes and reads them.
import { leavesOf, touchesOf } from "./memory-touches.js";
import type { Buffer, Launch, ScheduledGraph } from "./scheduled.js";

/**
 * `gradients` are made before the update and read by it; `gathered` are states as their modules use them, and what is made
 * of those alone, such as casts; `in flight` is what other collectives bring or take along; everything else is
 * `activations`, scratch memory included.
 */
export type BufferUse = (typeof bufferUseNames)[number];
export const bufferUseNames = ["gradients", "gathered", "in flight", "activations"] as const;

export function bufferUses({ launches }: ScheduledGraph): (buffer: Buffer) => BufferUse {
  const updated = new Set<Buffer>();
  const made = new Set<Buffer>();
  const moved = new Set<Buffer>();
  const gathered = new Set<Buffer>();
  const walk = (list: readonly Launch[]): void => {
    for (const launch of list) {
      if (launch.kind === "loop") {
        walk(launch.body);
        continue;
      }
      const isUpdate = isOfUpdate(launch);
      if (launch.kind === "collective" && launch.what === "all-gather")
        for (const { source, target } of launch.parts)
          if (leavesOf(source.place).every((buffer) => buffer.home.kind === "state" || gathered.has(buffer)))
            for (const buffer of leavesOf(target.place)) gathered.add(buffer);
      if (launch.kind === "kernel" || launch.kind === "table") {
        const reads = touchesOf(launch).filter(({ isWrite }) => !isWrite);
        if (reads.length > 0 && reads.every(({ place }) => leavesOf(place).every((buffer) => gathered.has(buffer))))
          for (const { place, isWrite } of touchesOf(launch))
            if (isWrite) for (const buffer of leavesOf(place)) gathered.add(buffer);
      }
      for (const { place, isWrite } of touchesOf(launch))
        for (const buffer of leavesOf(place)) {
          if (isUpdate && !isWrite) updated.add(buffer);
          if (isWrite && !isUpdate) made.add(buffer);
          if (launch.kind === "collective" && launch.what !== "all-reduce") moved.add(buffer);
        }
    }
  };
  walk(launches);
  return (buffer) => {
    if (gathered.has(buffer)) return "gathered";
    if (updated.has(buffer) && made.has(buffer)) return "gradients";
    return moved.has(buffer) ? "in flight" : "activations";
  };
}

/** Collectives of gradients are begun by the end of backward, wherever they are asked for. */
const isOfUpdate = (launch: Exclude<Launch, { kind: "loop" }>): boolean =>
  (launch.kind === "kernel" || launch.kind === "table") && launch.kernel.from.some(({ phase }) => phase === "update");
