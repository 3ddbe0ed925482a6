// Every pass keeps the answer: the program before and after each pass is run, and the runs are compared.
import { compileProgram } from "../src/compile.js";
import type { LogicalGraph } from "../src/ir/graph.js";
import { type Degrees, numRanks } from "../src/ir/mesh.js";
import { possibleDegrees } from "../src/ir/mesh-facts.js";
import type { Program } from "../src/ir/program.js";
import { removeDeadSteps } from "../src/ir/remove-dead-steps.js";
import { makesOf, readsOf } from "../src/ir/steps.js";
import type { Leveled } from "../src/passes/pass-runner.js";
import { factsOf } from "../src/phases/3-partition/place.js";
import { differences, type InputOf, type Runs, runRanks, runWhole } from "./run-program.js";

export interface Compared {
  /** Passes whose result was run and compared, in order. */
  readonly passes: readonly string[];
  /** What differed, by pass. */
  readonly found: readonly string[];
  readonly local: Program<"local">;
}

/** Sums over ranks, and bf16 casts that float64 does not round, leave differences of rounding alone. */
const tolerance = 1e-9;

/** `mostRanks` bounds the worlds in which the last level runs. Padding is filled with `padding`. */
export function comparePasses(
  program: Program<"logical">,
  inputOf: InputOf,
  { mostRanks = 4, padding }: { mostRanks?: number; padding?: number } = {},
): Compared {
  const passes: string[] = [];
  const found: string[] = [];
  let before: { runs: Runs; isPartial: boolean; program: Program } = runTraced(program, inputOf);
  const local = compileProgram(program, {
    onPass: ({ name, program: made }) => {
      for (const [where, runs] of runsOf(made, inputOf, mostRanks, padding)) {
        const gone = new Set(before.program.states.filter((state) => !(made as Program).states.includes(state)));
        const differing = differences(before.runs, onlyCommon(before, runs), tolerance, gone);
        found.push(...differing.map((text) => `${name}${where}: ${text}`));
        before = { runs, isPartial: hasGradients(made as Program), program: made as Program };
      }
      passes.push(name);
    },
  });
  return { passes, found, local };
}

const hasGradients = ({ graphs }: Program): boolean =>
  [...graphs.values()].some((graph) => (graph as LogicalGraph).steps.some(({ kind }) => kind === "gradient"));

function runTraced(program: Program<"logical">, inputOf: InputOf) {
  return { runs: runWhole(withoutGradients(program), inputOf), isPartial: hasGradients(program), program };
}

function runsOf(made: Leveled, inputOf: InputOf, mostRanks: number, padding?: number): [string, Runs][] {
  if (made.level === "logical") return [["", runWhole(withoutGradients(made as Program<"logical">), inputOf)]];
  if (made.level === "placed") return [["", runWhole(made as Program<"placed">, inputOf)]];
  const local = made as Program<"local">;
  const worlds = possibleDegrees(factsOf(local)).filter((degrees) => numRanks(degrees) <= mostRanks);
  return worlds.map((degrees: Degrees) => [
    ` on ${numRanks(degrees)} ranks`,
    runRanks(local, degrees, inputOf, padding),
  ]);
}

/** Of the second run what the first one could tell already. */
function onlyCommon(before: { runs: Runs; isPartial: boolean }, runs: Runs): Runs {
  if (!before.isPartial) return runs;
  const known = <K, V>(one: ReadonlyMap<K, V>, two: ReadonlyMap<K, V>): ReadonlyMap<K, V> =>
    new Map([...two].filter(([key]) => one.has(key)));
  return new Map(
    [...runs].map(([name, run]) => {
      const old = before.runs.get(name)!;
      return [
        name,
        {
          results: known(old.results, run.results),
          updates: known(old.updates, run.updates),
          observed: known(old.observed, run.observed),
        },
      ];
    }),
  );
}

/** The part of a program that does not depend on gradients: all of it once they are made. */
const withoutGradients = (program: Program<"logical">): Program<"logical"> => ({
  ...program,
  graphs: new Map([...program.graphs].map(([name, graph]) => [name, forwardPart(graph)])),
});

function forwardPart(graph: LogicalGraph): LogicalGraph {
  const unknown = new Set<number>();
  const steps = graph.steps.filter((step) => {
    const depends = step.kind === "gradient" || readsOf(step).some(({ id }) => unknown.has(id));
    if (depends) for (const { id } of makesOf(step)) unknown.add(id);
    return !depends;
  });
  const known = <E extends { readonly value: { readonly id: number } }>(list: readonly E[]): readonly E[] =>
    list.filter(({ value }) => !unknown.has(value.id));
  return removeDeadSteps({
    ...graph,
    steps,
    results: known(graph.results),
    updates: known(graph.updates),
    observed: known(graph.observed),
  });
}
