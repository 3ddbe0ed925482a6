// Checks a whole program at any level: every graph by its level's verifier, and what the host code binds to it.
import { findMismatch } from "./check-collectives.js";
import { strayJumps } from "./check-jumps.js";
import { checkLocalGraph } from "./check-local.js";
import type { Graph, Level, LocalGraph } from "./graph.js";
import type { RunGraph } from "./host.js";
import { statementsOf } from "./host-parts.js";
import { coordinatesOf, type Degrees, numRanks, onRanks } from "./mesh.js";
import { meshFacts, possibleDegrees } from "./mesh-facts.js";
import type { Origin } from "./origin.js";
import { stageGraphs } from "./pipeline.js";
import type { PlacementPlan, Program } from "./program.js";
import { verifyGraph } from "./verify.js";

export interface ProgramProblem {
  readonly message: string;
  readonly origin: Origin | null;
}

/** Empty where everything holds. */
export function verifyProgram<L extends Level>(program: Program<L>): readonly ProgramProblem[] {
  return [
    ...graphProblems(program as Program),
    ...runProblems(program as Program),
    ...strayJumps(program.main).map(({ kind, label, origin }) => ({
      message: `${kind} ${label} leads nowhere`,
      origin,
    })),
  ];
}

function graphProblems(program: Program): readonly ProgramProblem[] {
  const graphs = [...program.graphs.values()];
  if (program.level !== "local")
    return graphs.flatMap((graph) => verifyGraph(graph as Graph<"logical"> | Graph<"placed">));
  const batchSizes = [...program.loaders.map(({ batchSize }) => batchSize), ...program.computedBatches];
  const facts = meshFacts(program.mesh, batchSizes);
  const degrees = fewestRanks(possibleDegrees(facts));
  const local = graphs as readonly LocalGraph[];
  return [
    ...local.flatMap((graph) =>
      checkLocalGraph(graph, program.plan as PlacementPlan, facts).map(({ message, origin }) => ({
        message: `${graph.name}: ${message}`,
        origin,
      })),
    ),
    ...runTogether(local, program, degrees).flatMap(({ name, graphOf, isCut }) => {
      const mismatch = findMismatch(graphOf, degrees, isCut ? onRanks(degrees) : degrees);
      return mismatch === null ? [] : [{ message: `${name}: ${mismatch}`, origin: null }];
    }),
  ];
}

interface Together {
  readonly name: string;
  readonly graphOf: (rank: number) => LocalGraph;
  readonly isCut: boolean;
}

/** What all ranks run at one time: one graph, or one for each place on axis pp. */
function runTogether(graphs: readonly LocalGraph[], { pipelined }: Program, degrees: Degrees): readonly Together[] {
  if (!pipelined) return graphs.map((graph) => ({ name: graph.name, graphOf: () => graph, isCut: false }));
  const world = onRanks(degrees);
  return [...pipelined.graphs].map(([name, names]) => ({
    name,
    graphOf: (rank) => graphs.find((graph) => graph.name === names[coordinatesOf(rank, world).pp])!,
    isCut: true,
  }));
}

/** The smallest world in which ranks have to meet: whether they do does not depend on how many they are. */
function fewestRanks(all: readonly Degrees[]): Degrees {
  const bySize = [...all].sort((a, b) => numRanks(a) - numRanks(b));
  const smallest = bySize.find((degrees) => numRanks(degrees) > 1) ?? bySize[0];
  if (!smallest) throw new Error("no world fits the mesh and the batch sizes");
  return smallest;
}

/** Every input that is no state, and every result, is bound. */
function runProblems({ main, graphs, pipelined }: Program): readonly ProgramProblem[] {
  const problems: ProgramProblem[] = [];
  const check = (run: RunGraph & { readonly origin: Origin | null }): void => {
    const { origin } = run;
    const graph = graphs.get(stageGraphs(pipelined, run.graph)[0]!);
    const report = (message: string): void =>
      void problems.push({ message: `run of ${run.graph}: ${message}`, origin });
    if (!graph) return report("there is no such graph");
    for (const { source } of graph.inputs) {
      if (source.kind === "batch" && run.batch === null) report(`nothing is bound to batch field ${source.field}`);
      if (source.kind === "scalar" && !run.scalars.some(({ name }) => name === source.name))
        report(`nothing is bound to scalar ${source.name}`);
      if (source.kind === "tensor" && !run.tensors.some(({ name }) => name === source.name))
        report(`nothing is bound to tensor ${source.name}`);
    }
    for (const { name } of run.results)
      if (!graph.results.some((result) => result.name === name)) report(`it has no result ${name}`);
  };
  for (const statement of statementsOf(main)) if (statement.kind === "run") check(statement);
  return problems;
}
