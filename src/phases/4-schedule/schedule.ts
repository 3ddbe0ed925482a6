// Purpose: one rank's graphs become what it does, in order, and where every byte lies. In reading order:
//   1. merge repeats that will be tables, lower: values become views of tensors, steps become pieces of kernels, calls,
//      collectives and loops;
//   2. join sums, fuse: pieces become kernels; loops that will be tables are written out; FSDP's units are gathered;
//   3. choose layouts, copy what calls cannot take as it lies;
//   4. bind: states and results are written where they belong;
//   5. share memory between what dies and what is made;
//   6. lay out kernels, make tables of those that are alike, buckets of collectives;
//   7. assemble: waits, lifetimes, the arena's plan, launches.
// Needs: a local program. Leaves: a scheduled one.
import { placeOfGraph } from "../../ir/pipeline.js";
import type { Program } from "../../ir/program.js";
import type { ScheduledGraph, ScheduledProgram } from "../../ir/scheduled.js";
import { factsOf } from "../3-partition/place.js";
import { larger } from "./amounts.js";
import { assemble } from "./assemble.js";
import { bindOutside } from "./bind-outside.js";
import { chooseLayouts } from "./choose-layouts.js";
import { copyOperands } from "./copy-operands.js";
import { fuse } from "./fuse.js";
import { gatherUnits } from "./gather-units.js";
import { joinCollectives } from "./join-collectives.js";
import { joinSums } from "./join-sums.js";
import { layOutKernels } from "./lay-out-kernels.js";
import { layOutStates } from "./lay-out-states.js";
import { lowerGraph } from "./lower-graph.js";
import { Lowering } from "./lowering.js";
import { makeTables } from "./make-tables.js";
import { openSums } from "./open-sums.js";
import { notShared, shareMemory } from "./share-memory.js";
import { staggerScatters } from "./stagger-scatters.js";
import { mergeTableRepeats } from "./table-repeats.js";
import { unitsOfMoves } from "./units-of-moves.js";
import type { Tensor } from "./work.js";
import { writeOut } from "./write-out.js";

export interface ScheduleOptions {
  /** False: one kernel for each op, as it is written. For debugging. Else what the layout says. */
  readonly isFused?: boolean;
}

export function schedule(program: Program<"local">, options: ScheduleOptions = {}): ScheduledProgram {
  const isFused = options.isFused ?? program.layout.fusesKernels;
  const lowering = new Lowering(factsOf(program));
  const states = layOutStates(program, lowering);
  const buffers = new Map(states.homes.map(({ state, buffer }) => [state, buffer]));
  const graphs = new Map<string, ScheduledGraph>();
  const arenaBytes = states.areas.map(() => lowering.zero);
  for (const [name, graph] of program.graphs) {
    const opened = isFused ? mergeTableRepeats(openSums(graph)) : graph;
    const loose = lowerGraph(opened, lowering, isFused, unitsOfMoves(opened, program.layout.shardUnits));
    const joined = isFused ? joinSums(loose, lowering) : loose;
    const fused = writeOut(fuse(joined, lowering.numVariants, { isFused }), joined, lowering);
    const { prefetch } = program.layout;
    const ahead = gatherUnits(fused.jobs, fused.rounds, prefetch, lowering);
    // What overlaps takes memory: nothing does where nothing is fetched ahead.
    const behind = prefetch > 0 ? staggerScatters(ahead.jobs, ahead.rounds, lowering) : { ...ahead, rows: [] };
    const lowered = { ...joined, rounds: behind.rounds, rows: [...joined.rows, ...ahead.rows, ...behind.rows] };
    const fixed = new Set<Tensor>();
    for (const { view } of [...lowered.results, ...lowered.updates]) fixed.add(view.tensor);
    for (const { enter, leave, places } of lowered.swaps) for (const each of [enter, leave, ...places]) fixed.add(each);
    const layouts = chooseLayouts(lowered, behind.jobs, fixed, lowering.numVariants);
    const copied = copyOperands(behind.jobs, layouts, lowering);
    const bound = bindOutside(lowered, copied, lowering);
    const shared = isFused
      ? shareMemory(lowered, bound.jobs, layouts, bound.outside, lowering.numVariants)
      : notShared(lowered, bound.jobs, bound.outside);
    const laid = layOutKernels(shared.jobs, layouts, shared.isSame, lowering.numVariants);
    const tables = { ...shared, numVariants: lowering.numVariants };
    const assembled = assemble({
      graph: { ...lowered, rounds: shared.rounds },
      jobs: isFused ? joinCollectives(makeTables(laid, tables), tables) : laid,
      layouts,
      outside: shared.outside,
      lies: shared.lies,
      memoryOf: shared.cellOf,
      isSame: shared.isSame,
      states: buffers,
      lowering,
    });
    graphs.set(name, assembled.graph);
    const place = placeOfGraph(program.pipelined, name) ?? 0;
    arenaBytes[place] = larger(arenaBytes[place]!, assembled.arenaBytes);
  }
  const variants = lowering.variants.map((degrees, variant) => ({
    degrees,
    areas: states.areas.map(({ bytes, offloadedBytes }, place) => ({
      stateBytes: bytes[variant]!,
      arenaBytes: arenaBytes[place]![variant]!,
      offloadedBytes: offloadedBytes[variant]!,
    })),
  }));
  return { level: "scheduled", program, variants, states: states.homes, graphs };
}
