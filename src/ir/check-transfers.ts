// Whether the places of a pipeline ever wait for each other forever, as they are scheduled: every place's list of
// transfers, collectives over pp and waits is gone through together, with no buffer anywhere: a transfer is done once both
// sides have begun it. What a place has begun ends in order, but for sends, which end by themselves.
import { type Pipelined, stageGraphs } from "./pipeline.js";
import type { CollectiveLaunch, Launch, ScheduledGraph } from "./scheduled.js";

type Event =
  | { readonly kind: "begin"; readonly launch: CollectiveLaunch }
  | { readonly kind: "wait"; readonly handle: number };

interface Place {
  readonly events: readonly Event[];
  at: number;
  /** Receives and collectives that are begun and not ended, in order. */
  readonly queue: CollectiveLaunch[];
  readonly sends: Map<number, CollectiveLaunch>;
  numMet: number;
}

/** What goes wrong between places that run one graph, or null. */
export function findStandstill(graphs: readonly ScheduledGraph[]): string | null {
  const places = graphs.map(
    ({ launches }): Place => ({ events: eventsOf(launches), at: 0, queue: [], sends: new Map(), numMet: 0 }),
  );
  /** By channel: the elements that are sent, and those that are received. */
  const sent = new Map<number, string>();
  const received = new Map<number, string>();
  /** Per place, collectives over pp in order. */
  const meetings = places.map((): string[] => []);
  const begin = (place: number, launch: CollectiveLaunch): void => {
    const now = places[place]!;
    const { what, transfer, handle } = launch;
    if (what === "send") {
      sent.set(transfer!.channel, sizeOf(launch));
      now.sends.set(handle, launch);
      return;
    }
    if (what === "receive") received.set(transfer!.channel, sizeOf(launch));
    else meetings[place]!.push(`${what} ${launch.reduction} ${sizeOf(launch)}`);
    now.queue.push(launch);
  };
  const isDone = (place: number, { what, transfer }: CollectiveLaunch): boolean => {
    if (what === "send") return received.has(transfer!.channel);
    if (what === "receive") return sent.has(transfer!.channel);
    return meetings.every((list) => list.length > places[place]!.numMet);
  };
  const step = (place: number): boolean => {
    const now = places[place]!;
    const event = now.events[now.at];
    if (!event) return false;
    if (event.kind === "begin") begin(place, event.launch);
    else if (now.sends.has(event.handle)) {
      if (!isDone(place, now.sends.get(event.handle)!)) return false;
      now.sends.delete(event.handle);
    } else
      while (now.queue.some(({ handle }) => handle === event.handle)) {
        if (!isDone(place, now.queue[0]!)) return false;
        const done = now.queue.shift()!;
        if (!done.transfer) now.numMet++;
      }
    now.at++;
    return true;
  };
  for (let hasMoved = true; hasMoved; ) {
    hasMoved = false;
    for (let place = 0; place < places.length; place++) while (step(place)) hasMoved = true;
  }
  const stuck = places.findIndex(({ at, events }) => at < events.length);
  if (stuck >= 0) {
    const { queue, sends } = places[stuck]!;
    const waiting = queue[0] ?? [...sends.values()][0]!;
    return `place ${stuck} of the pipeline waits in ${waiting.what} ${waiting.transfer?.channel ?? ""} forever`;
  }
  for (const [channel, size] of [...sent, ...received])
    if (sent.get(channel) !== received.get(channel)) return `channel ${channel}: ${size} have no other side`;
  const other = meetings.findIndex((list) => String(list) !== String(meetings[0]));
  return other < 0 ? null : `places 0 and ${other} of the pipeline meet for different things`;
}

/** The same for every graph of a pipeline. */
export const standstills = (
  pipelined: Pipelined | undefined,
  graphs: ReadonlyMap<string, ScheduledGraph>,
): readonly { readonly graph: string; readonly message: string }[] =>
  [...(pipelined?.graphs.keys() ?? [])].flatMap((graph) => {
    const found = findStandstill(stageGraphs(pipelined, graph).map((name) => graphs.get(name)!));
    return found === null ? [] : [{ graph, message: found }];
  });

const sizeOf = ({ parts }: CollectiveLaunch): string =>
  parts.map(({ dtype, numElements }) => `${dtype}[${numElements}]`).join();

function eventsOf(launches: readonly Launch[]): readonly Event[] {
  return launches.flatMap((launch): readonly Event[] => {
    if (launch.kind === "collective" && launch.axis === "pp") return [{ kind: "begin", launch }];
    if (launch.kind === "wait" && launch.axis === "pp") return [{ kind: "wait", handle: launch.handle }];
    return [];
  });
}
