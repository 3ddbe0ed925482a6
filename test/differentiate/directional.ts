// Gradients against finite differences of whole graphs: for each value that a gradient is taken by, the value alone is
// moved along a random direction where it is made, and the loss is computed again.
import { GraphBuilder } from "../../src/ir/build.js";
import type { GradientStep, LogicalGraph, LogicalValue, OpStep, Step } from "../../src/ir/graph.js";
import { runGraph } from "../../src/ir/interpret.js";
import type { NdArray } from "../../src/ir/nd.js";
import { highestId, makesOf, replaceInSteps } from "../../src/ir/steps.js";
import { add } from "../../src/ops/table.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { randomArray } from "../arrays.js";
import type { InputOf } from "../run-program.js";

/** Central differences of losses of at most hundreds: rounding is about 1e-16 * 100 / step, truncation step² times third derivatives. */
const step = 1e-6;
export const tolerance = 1e-6;

export interface Slope {
  readonly of: string;
  readonly gradient: number;
  readonly difference: number;
  readonly error: number;
}

/** For every gradient step of the graph and each of its values: the slope along a direction, both ways. */
export function compareSlopes(graph: LogicalGraph, inputOf: InputOf, seed = 1): readonly Slope[] {
  const takes = graph.steps.filter((each): each is GradientStep => each.kind === "gradient");
  return takes.flatMap((take, t) => {
    const asked: LogicalGraph = {
      ...graph,
      results: [
        { name: "loss", value: take.loss },
        ...take.by.map((_, i) => ({ name: `gradient ${i}`, value: take.outputs[i]! })),
      ],
      updates: [],
      observed: [],
    };
    const whole = differentiate(asked);
    const found = runGraph(whole, (source, value) => inputOf({ source, value })).results;
    return take.by.map((value, i): Slope => {
      const direction = randomArray(value.type.shape, 1000 * seed + 100 * t + i);
      const moved = withMoved(whole, value);
      const lossAt = (by: number): number =>
        runGraph(moved, (source, input) =>
          source.kind === "tensor" && source.name === nudge
            ? { shape: direction.shape, data: direction.data.map((element) => by * element) }
            : inputOf({ source, value: input }),
        ).results.get("loss")!.data[0]!;
      const difference = (lossAt(step) - lossAt(-step)) / (2 * step);
      const gradient = dot(found.get(`gradient ${i}`)!, direction);
      const error = Math.abs(gradient - difference) / Math.max(1, Math.abs(difference));
      return { of: `${value.name || value.id} (loss ${t})`, gradient, difference, error };
    });
  });
}

const nudge = "nudge";

const dot = (a: NdArray, b: NdArray): number => a.data.reduce((sum, element, i) => sum + element * b.data[i]!, 0);

/** The graph with an input added to a value right where the value is made. */
function withMoved(graph: LogicalGraph, value: LogicalValue): LogicalGraph {
  const free = highestId(graph) + 1;
  const change: LogicalValue = { id: free, type: value.type, name: nudge, gradientOf: null };
  const moved: LogicalValue = { ...value, id: free + 1 };
  const g = new GraphBuilder("moved");
  g.emit(add, [value, change], {});
  const adding: Step<"logical"> = { ...(g.steps[0] as OpStep<"logical">), outputs: [moved] };
  const at = graph.steps.findIndex((each) => makesOf(each).some(({ id }) => id === value.id));
  const replace = (each: LogicalValue): LogicalValue => (each.id === value.id ? moved : each);
  return {
    ...graph,
    inputs: [...graph.inputs, { value: change, source: { kind: "tensor", name: nudge } }],
    steps: [...graph.steps.slice(0, at + 1), adding, ...replaceInSteps(graph.steps.slice(at + 1), replace)],
    results: graph.results.map(({ name, value: each }) => ({ name, value: replace(each) })),
  };
}
