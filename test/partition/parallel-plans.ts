// Plans for the language-model examples, as a user's hooks would ask for them: columns, then rows; the vocabulary by row;
// sequences split between blocks.
import type { LogicalGraph, LogicalValue, Step } from "../../src/ir/graph.js";
import { defaultLayout, type Mark } from "../../src/ir/layout.js";
import { meshOf } from "../../src/ir/mesh.js";
import type { Program } from "../../src/ir/program.js";
import type { State } from "../../src/ir/state.js";
import { highestId } from "../../src/ir/steps.js";
import { mark } from "../../src/ops/table.js";

export interface Parallelism {
  readonly degrees: Parameters<typeof meshOf>[0];
  /** Between blocks, ranks of the tensor-parallel axis hold parts of the sequence. */
  readonly isSequenceParallel?: boolean;
  /** The head's columns, and so the classes of the loss, are split. */
  readonly isLossParallel?: boolean;
  /** The rows of the token embedding are split, whether or not it is tied to the head. */
  readonly splitsEmbedding?: boolean;
}

const columns: readonly string[] = ["qProj", "kProj", "vProj", "upProj", "gateProj"];
const rows: readonly string[] = ["outProj", "downProj"];

/** Where a parameter of an example is split on the tensor-parallel axis; null: nowhere. */
export function tensorParallelDim({ name }: State, { isLossParallel = false, splitsEmbedding = false }: Parallelism) {
  const path = name.split(".");
  const [module, what] = [path.at(-2)!, path.at(-1)!];
  if (columns.includes(module)) return 0;
  if (rows.includes(module)) return what === "weight" ? 1 : null;
  if (module === "head") return isLossParallel ? 0 : null;
  if (module === "tokenEmbedding") return splitsEmbedding || isLossParallel ? 0 : null;
  return null;
}

const residual = "residual";

/** The program as hooks would have asked for it. */
export function parallel(program: Program<"logical">, how: Parallelism): Program<"logical"> {
  const uses = new Map<State, Mark>();
  const hasTensorParallel = (how.degrees.tp ?? 1) !== 1;
  for (const state of program.states) {
    const dim = state.kind === "parameter" && hasTensorParallel ? tensorParallelDim(state, how) : null;
    if (dim !== null) uses.set(state, { tp: dim });
  }
  const marks = new Map<string, Mark>(how.isSequenceParallel ? [[residual, { tp: 1 }]] : []);
  const graphs = new Map([...program.graphs].map(([name, graph]) => [name, withMark(graph)] as const));
  return { ...program, graphs, mesh: meshOf(how.degrees), layout: { ...defaultLayout, uses, marks } };
}

/** Marks what enters the first repeat: the stream of the blocks. */
function withMark(graph: LogicalGraph): LogicalGraph {
  const at = graph.steps.findIndex((step) => step.kind === "repeat");
  const repeat = graph.steps[at];
  if (repeat?.kind !== "repeat" || repeat.carried.length !== 1) return graph;
  const [{ start, ...rest }] = repeat.carried as [(typeof repeat.carried)[0]];
  const marked: LogicalValue = { ...start, id: highestId(graph) + 1 };
  const { origin, scope, phase } = repeat;
  const step: Step<"logical"> = {
    kind: "op",
    op: mark,
    attrs: { name: residual },
    inputs: [start],
    outputs: [marked],
    choice: null,
    origin,
    scope,
    phase,
  };
  const marking = { ...repeat, carried: [{ start: marked, ...rest }] };
  return { ...graph, steps: [...graph.steps.slice(0, at), step, marking, ...graph.steps.slice(at + 1)] };
}
