// A graph for Graphviz: ops are boxes by phase, repeats are frames, collectives are bold. Kept rolled up.
import type { Graph, RepeatStep, Step, Value } from "./graph.js";
import { showPlacement } from "./placement-text.js";
import { sourceName } from "./print.js";
import { entriesOf, exitsOf, makesOf, readsOf } from "./steps.js";
import { showType } from "./tensor-type.js";

const colours = { forward: "lightblue", backward: "lightsalmon", update: "lightgreen" } as const;

export function graphToDot(graph: Graph): string {
  const lines: string[] = [];
  /** The node that stands for a value. */
  const nodes = new Map<number, string>();
  let count = 0;
  const node = (label: string, style: string): string => {
    const name = `n${count++}`;
    lines.push(`${name} [label=${quoted(label)}, ${style}];`);
    return name;
  };
  const edge = (value: Value, to: string): void => {
    lines.push(`${nodes.get(value.id)!} -> ${to} [label=${quoted(describe(value))}];`);
  };
  const walk = (steps: readonly Step[]): void => {
    for (const step of steps) {
      if (step.kind === "repeat") frame(step);
      else {
        const style =
          step.kind === "move" || step.kind === "stage" ? ", style=bold, shape=hexagon" : ", style=filled, shape=box";
        const name = node(labelOf(step), `fillcolor=${colours[step.phase]}${style}`);
        for (const value of new Set(readsOf(step))) edge(value, name);
        for (const { id } of makesOf(step)) nodes.set(id, name);
      }
    }
  };
  const frame = (step: RepeatStep): void => {
    const number = count++;
    lines.push(`subgraph cluster${number} {`, `label=${quoted(`${step.count} times ${step.scope}`)};`);
    const [into, out] = [node("in", "shape=circle"), node("out", "shape=circle")];
    for (const { id } of entriesOf(step)) nodes.set(id, into);
    walk(step.body);
    for (const value of exitsOf(step)) edge(value, out);
    lines.push("}");
    for (const value of new Set(readsOf(step))) edge(value, into);
    for (const { id } of makesOf(step)) nodes.set(id, out);
  };
  for (const { value, source } of graph.inputs)
    nodes.set(value.id, node(`${source.kind} ${sourceName(source)}`, "shape=ellipse"));
  walk(graph.steps);
  const ends = [
    ...graph.results.map(({ name, value }) => [`result ${name}`, value] as const),
    ...graph.updates.map(({ state, value }) => [`update ${state.name}`, value] as const),
  ];
  for (const [label, value] of ends) edge(value, node(label, "shape=ellipse"));
  return [`digraph ${quoted(graph.name)} {`, ...lines.map((line) => `  ${line}`), "}"].join("\n");
}

const quoted = (text: string): string => JSON.stringify(text);

const describe = (value: Value): string =>
  [
    ...(value.name === "" ? [] : [value.name]),
    showType(value.type),
    ...("placement" in value ? [showPlacement(value.placement)] : []),
  ].join("\n");

function labelOf(step: Exclude<Step, RepeatStep>): string {
  const what =
    step.kind === "op"
      ? step.op.name
      : step.kind === "move"
        ? `${step.move.what} ${step.move.axis}`
        : step.kind === "stage"
          ? step.act.what
          : step.kind;
  return step.scope === "" ? what : `${what}\n${step.scope}`;
}
