// The shapes of a graph's buffers for readers: those of states, arguments and results are known, those of intermediate
// values are what the first kernel that walks through all of them takes them for.
import type { Amount, Buffer, Launch, Place, ScheduledGraph, StateHome } from "../../src/ir/scheduled.js";
import { isAlways, largest } from "../kernel/amount.js";

/** `[4, 256, 768]`, or the number of elements where nothing tells. Sizes are those of the first variant. */
export function bufferShapes(graph: ScheduledGraph, states: readonly StateHome[]): (buffer: Buffer) => string {
  const ofStates = new Map(states.map(({ state, localShapes }) => [state, localShapes[0]!]));
  const found = new Map<Buffer, string>();
  const note = (place: Place, dims: readonly (readonly [size: Amount, stride: Amount])[]): void => {
    for (const buffer of buffersOf(place)) {
      if (found.has(buffer)) continue;
      const walked = dims
        .filter(([size, stride]) => !isAlways(stride, 0) && !isAlways(size, 1))
        .toSorted((a, b) => largest(b[1]) - largest(a[1]));
      const count = walked.reduce((n, [size]) => n * size[0]!, 1);
      if (walked.length > 0 && count === buffer.numElements[0])
        found.set(buffer, showShape(walked.map(([size]) => size[0]!)));
    }
  };
  const visit = (launch: Launch): void => {
    if (launch.kind === "loop") launch.body.forEach(visit);
    if (launch.kind === "kernel") {
      const letters = [...launch.kernel.outer, ...launch.kernel.inner];
      launch.operands.forEach(({ place }, k) => {
        const { strides } = launch.kernel.operands[k]!;
        note(
          place,
          letters.map(({ letter, size }) => [size, strides[letter] ?? size.map(() => 0)] as const),
        );
      });
    }
    if (launch.kind === "call")
      for (const { place, strides } of launch.operands)
        note(
          place,
          strides.map(
            ({ group, stride }) => [launch.sizes.find((each) => each.group === group)!.size, stride] as const,
          ),
        );
  };
  graph.launches.forEach(visit);
  return (buffer) => {
    const { home } = buffer;
    if (home.kind === "state") return showShape(ofStates.get(home.state) ?? [buffer.numElements[0]!]);
    if (home.kind === "tensor") return showShape(graph.tensors.find(({ name }) => name === home.name)?.shape ?? []);
    if (home.kind === "result") return showShape(graph.results.find(({ name }) => name === home.name)?.shape ?? []);
    return found.get(buffer) ?? showShape([buffer.numElements[0]!]);
  };
}

const showShape = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

function buffersOf(place: Place): readonly Buffer[] {
  return place.kind === "buffer" ? [place] : place.items.flatMap(buffersOf);
}
