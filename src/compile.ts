// The way from a trainer to what runs on each rank, in reading order. Every pass goes through the runner, which names,
// times and verifies it.
import type { Program } from "./ir/program.js";
import type { ScheduledProgram } from "./ir/scheduled.js";
import { verifyProgram } from "./ir/verify-program.js";
import { verifyScheduled } from "./ir/verify-scheduled.js";
import { eachGraph, type PassOptions, PassRunner } from "./passes/pass-runner.js";
import { type EvaluateOptions, evaluate } from "./phases/1-evaluate/evaluate.js";
import { carryMergesDown } from "./phases/2-differentiate/carry-merges-down.js";
import { differentiate } from "./phases/2-differentiate/differentiate.js";
import { findSent } from "./phases/2-differentiate/find-sent.js";
import { fitMemory } from "./phases/2-differentiate/fit-memory.js";
import { mixPrecision } from "./phases/2-differentiate/mix-precision.js";
import { moveSlicesUp } from "./phases/2-differentiate/move-slices-up.js";
import { nameValues } from "./phases/2-differentiate/name-values.js";
import { observeValues } from "./phases/2-differentiate/observe-values.js";
import { simplify } from "./phases/2-differentiate/simplify.js";
import { widenProducts } from "./phases/2-differentiate/widen-products.js";
import { checkArrivals } from "./phases/3-partition/check-arrivals.js";
import { cutTime } from "./phases/3-partition/cut-time.js";
import { insertMoves } from "./phases/3-partition/insert-moves.js";
import { keepGathered } from "./phases/3-partition/keep-gathered.js";
import { moveIntoRepeats } from "./phases/3-partition/move-into-repeats.js";
import { narrowFirst } from "./phases/3-partition/narrow-first.js";
import { cutStages } from "./phases/3-partition/pipeline/cut-stages.js";
import { place } from "./phases/3-partition/place.js";
import { makeRounds } from "./phases/3-partition/rounds/make-rounds.js";
import { schedule } from "./phases/4-schedule/schedule.js";

export interface LookOptions {
  /** Every value can be looked at while the program runs: for programs that differ where they should not. */
  readonly observesValues?: boolean;
}
export interface CompileOptions extends EvaluateOptions, PassOptions {}

/** Throws `Diagnosed` on faults of the user's program and `BrokenProgram` on our own. */
export function compile(entryFile: string, options: CompileOptions = {}): ScheduledProgram {
  const passes = new PassRunner(options);
  const traced = passes.run("evaluate", () => evaluate(entryFile, options));
  return lower(fitted(traced), passes);
}

/** Everything behind evaluation, of a program that was evaluated before, or made by hand. */
export const compileToEnd = (program: Program<"logical">, options: PassOptions = {}): ScheduledProgram =>
  lower(fitted(program), new PassRunner(options));

/** With a memory budget: the modules that must be recomputed for it are found by compiling quietly before. */
const fitted = (traced: Program<"logical">): Program<"logical"> =>
  fitMemory(traced, (program) => lower(program, new PassRunner({ verifies: "every level" })));

function lower(traced: Program<"logical">, passes: PassRunner): ScheduledProgram {
  const local = compileTraced(traced, passes);
  return passes.finish("schedule", () => schedule(local), verifyScheduled);
}

/** One rank's graphs of a program that was evaluated before, or made by hand. */
export const compileProgram = (
  program: Program<"logical">,
  options: PassOptions & LookOptions = {},
): Program<"local"> => compileTraced(program, new PassRunner(options), options);

function compileTraced(traced: Program<"logical">, passes: PassRunner, look: LookOptions = {}): Program<"local"> {
  const prepared = prepare(traced, passes);
  const logical = look.observesValues
    ? passes.finish("observeValues", () => observed(prepared), verifyProgram)
    : prepared;
  const local = partition(logical, passes);
  return local;
}

const observed = (program: Program<"logical">): Program<"logical"> =>
  eachGraph(program, (graph) => observeValues(graph, program.mesh.degrees.pp !== 1));

/** Logical graphs: what the user wrote, and its gradients. */
function prepare(traced: Program<"logical">, passes: PassRunner): Program<"logical"> {
  const sliced = passes.run("moveSlicesUp", () => eachGraph(traced, moveSlicesUp));
  const carried = passes.run("carryMergesDown", () => eachGraph(sliced, carryMergesDown));
  const mixed = passes.run("mixPrecision", () => mixPrecision(carried));
  const differentiated = passes.run("differentiate", () =>
    eachGraph(mixed, (graph) => differentiate(graph, mixed.layout.recomputed, findSent(mixed.layout))),
  );
  const simplified = passes.run("simplify", () => eachGraph(differentiated, simplify));
  const widened = passes.run("widenProducts", () => eachGraph(simplified, widenProducts));
  return passes.finish("nameValues", () => eachGraph(widened, nameValues), verifyProgram);
}

/** One rank's graphs: where every value lies, and the collectives that bring it there. */
function partition(logical: Program<"logical">, passes: PassRunner): Program<"local"> {
  const narrowed = passes.run("narrowFirst", () => narrowFirst(logical));
  const timed = passes.run("cutTime", () => cutTime(narrowed));
  const placed = passes.run("place", () => checkArrivals(place(timed)));
  const local = passes.run("insertMoves", () => insertMoves(placed));
  const cut = passes.run("cutStages", () => cutStages(local));
  const moved = passes.run("moveIntoRepeats", () => moveIntoRepeats(cut));
  const rounds = passes.run("makeRounds", () => makeRounds(moved));
  return passes.finish("keepGathered", () => keepGathered(rounds), verifyProgram);
}
