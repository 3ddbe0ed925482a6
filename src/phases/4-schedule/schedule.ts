// Purpose: one rank's graphs become what it does, in order, and where every byte lies. In reading order:
//   1. lower: values become views of tensors, steps become pieces of kernels, calls, collectives and loops;
//   2. join sums, fuse: pieces become kernels;
//   3. choose layouts, copy what calls cannot take as it lies;
//   4. bind: states and results are written where they belong;
//   5. lay out kernels, make tables of those that are alike;
//   6. assemble: waits, lifetimes, the arena's plan, launches.
// Needs: a local program. Leaves: a scheduled one.
import type { Program } from "../../ir/program.js";
import type { ScheduledGraph, ScheduledProgram } from "../../ir/scheduled.js";
import { factsOf } from "../3-partition/place.js";
import { larger } from "./amounts.js";
import { assemble } from "./assemble.js";
import { bindOutside, type Outside } from "./bind-outside.js";
import { chooseLayouts } from "./choose-layouts.js";
import { copyOperands } from "./copy-operands.js";
import { fuse } from "./fuse.js";
import { layOutStates } from "./lay-out-states.js";
import { joinSums } from "./join-sums.js";
import { layOutKernels } from "./lay-out-kernels.js";
import { countReads, lowerGraph } from "./lower-graph.js";
import { Lowering } from "./lowering.js";
import { makeTables } from "./make-tables.js";
import type { Tensor } from "./work.js";

export interface ScheduleOptions {
  /** False: one kernel for each op, as it is written. For debugging. */
  readonly isFused?: boolean;
}

export function schedule(program: Program<"local">, { isFused = true }: ScheduleOptions = {}): ScheduledProgram {
  const lowering = new Lowering(factsOf(program));
  const states = layOutStates(program.states, program.plan, lowering);
  const buffers = new Map(states.homes.map(({ state, buffer }) => [state, buffer]));
  const graphs = new Map<string, ScheduledGraph>();
  let arenaBytes = lowering.zero;
  for (const [name, graph] of program.graphs) {
    const loose = lowerGraph(graph, lowering);
    const lowered = isFused ? { ...loose, jobs: joinSums(loose.jobs, countReads(loose), lowering) } : loose;
    const fused = fuse(lowered, lowering.numVariants, { isFused });
    const fixed = new Set<Tensor>();
    for (const { view } of [...lowered.results, ...lowered.updates]) fixed.add(view.tensor);
    for (const { enter, leave, places } of lowered.swaps) for (const each of [enter, leave, ...places]) fixed.add(each);
    const layouts = chooseLayouts(lowered, fused, fixed, lowering.numVariants);
    const copied = copyOperands(fused, layouts, lowering);
    const bound = bindOutside(lowered, copied, lowering);
    const cellOf = (tensor: Tensor): unknown => memoryOf(tensor, bound.outside);
    const laid = layOutKernels(bound.jobs, layouts, (a, b) => cellOf(a) === cellOf(b), lowering.numVariants);
    const isPlain = (tensor: Tensor): boolean =>
      !lowered.rounds.has(tensor) &&
      bound.outside.get(tensor)?.kind !== "result" &&
      (tensor.source === null || tensor.source.kind === "state" || tensor.source.kind === "scalar");
    const tables = { rounds: lowered.rounds, cellOf, isPlain, numVariants: lowering.numVariants };
    const assembled = assemble({
      graph: lowered,
      jobs: isFused ? makeTables(laid, tables) : laid,
      layouts,
      outside: bound.outside,
      lies: (tensor) => tensor,
      states: buffers,
      lowering,
    });
    graphs.set(name, assembled.graph);
    arenaBytes = larger(arenaBytes, assembled.arenaBytes);
  }
  const variants = lowering.variants.map((degrees, variant) => ({
    degrees,
    stateBytes: states.bytes[variant]!,
    arenaBytes: arenaBytes[variant]!,
  }));
  return { level: "scheduled", program, variants, states: states.homes, graphs };
}

/** What stands for the memory of a tensor: its state, or the tensor itself. */
function memoryOf(tensor: Tensor, outside: ReadonlyMap<Tensor, Outside>): unknown {
  const where = outside.get(tensor) ?? tensor.source;
  return where?.kind === "state" ? where.state : tensor;
}
