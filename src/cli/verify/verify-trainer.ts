// `dreamc verify` step by step: the trainer as a program for its mesh and as one for one device, both built and run on
// this machine's CPUs, and compared; where they differ, both again with every value observed.
import { type Degrees, degreesOf, numRanks, oneRank, onRanks } from "../../ir/mesh.js";
import { possibleDegrees } from "../../ir/mesh-facts.js";
import type { Program } from "../../ir/program.js";
import { evaluate, UnknownSettings } from "../../phases/1-evaluate/evaluate.js";
import type { ConfigSettings } from "../../phases/1-evaluate/trace/config.js";
import { factsOf } from "../../phases/3-partition/place.js";
import { UsageError } from "../usage-error.js";
import { describeDegrees, meshSettings } from "./asked-mesh.js";
import { bf16Tolerances, type Comparison, compareRuns, float32Tolerances } from "./compare-runs.js";
import { type FirstDifference, firstDifference } from "./first-difference.js";
import { refuseUnknown } from "./settings.js";
import {
  type BuildSurroundings,
  buildSide,
  ProgramFailed,
  prepareSide,
  runSide,
  type Side,
  type SideOptions,
} from "./side.js";
import { makeStandIns, type StandIns, withStandIns } from "./stand-in-data.js";
import { refuseTooLarge } from "./too-large.js";

export interface VerifyOptions {
  /** The trainer's file. */
  readonly path: string;
  /** Null: the mesh that the trainer asks for. */
  readonly mesh: Degrees | null;
  readonly settings: ConfigSettings;
  readonly numSteps: number;
  /** Done to the program on the mesh once it is partitioned: tests break it here. */
  readonly change?: SideOptions["change"];
  /** Told what begins now. */
  readonly onProgress: (what: string) => void;
}

/** One of the programs ended with an error. */
export interface Failed {
  readonly kind: "failed";
  /** The mesh that it was built for. */
  readonly mesh: string;
  readonly exitCode: number | null;
  /** On standard error. */
  readonly said: string;
}
export interface Verified {
  readonly kind: "compared";
  readonly name: string;
  readonly degrees: Degrees;
  readonly numRanks: number;
  readonly precision: string;
  readonly standIns: StandIns;
  readonly comparison: Comparison;
  /** Where they differ; null where they are equal, or where every value that can be seen is. */
  readonly difference: FirstDifference | null;
  readonly isEqual: boolean;
}

const precisionEntry = "deviceParameters.precision";

/** Throws `Diagnosed`, `UsageError`, `MissingTool`. */
export async function verifyTrainer(
  options: VerifyOptions,
  surroundings: BuildSurroundings,
): Promise<Verified | Failed> {
  try {
    return await compareBoth(options, surroundings);
  } catch (fault) {
    if (fault instanceof UnknownSettings) throw refuseUnknown(fault);
    if (!(fault instanceof ProgramFailed)) throw fault;
    const { mesh, exitCode, said } = fault;
    return { kind: "failed", mesh, exitCode, said };
  }
}

async function compareBoth(options: VerifyOptions, surroundings: BuildSurroundings): Promise<Verified> {
  const { numSteps, onProgress } = options;
  const { folder, signal } = surroundings;
  const { here, alone, degrees } = evaluateBoth(options);
  const { paths, reasons } = await makeStandIns(alone, folder);
  const programs = [here, alone].map((program) => withStandIns(program, paths)) as [
    Program<"logical">,
    Program<"logical">,
  ];
  const change = options.change ?? null;
  const sides = [
    prepareSide(programs[0], numRanks(onRanks(degrees)), { observesValues: false, change }),
    prepareSide(programs[1], 1, { observesValues: false, change: null }),
  ] as const;
  refuseTooLarge(sides);
  const run = async (side: Side, name: string, where: string) => {
    onProgress(`building the program for ${where}`);
    const file = await buildSide(side, name, surroundings);
    onProgress(`running it on ${side.numRanks === 1 ? "one rank" : `${side.numRanks} ranks`}`);
    return await runSide({ program: file, mesh: where, numRanks: side.numRanks }, numSteps, signal);
  };
  const aloneRun = await run(sides[1], "alone", "one device");
  const hereRun = await run(sides[0], "mesh", describeDegrees(degrees));
  const precision = here.precision.compute;
  const tolerances = precision === "f32" ? float32Tolerances : bf16Tolerances;
  const comparison = compareRuns(hereRun, aloneRun, tolerances);
  const verified = {
    kind: "compared" as const,
    name: here.name,
    degrees,
    numRanks: numRanks(onRanks(degrees)),
    precision,
    standIns: reasons,
    comparison,
    isEqual: comparison.isEqual,
  };
  if (comparison.isEqual) return { ...verified, difference: null };
  // One program, twice: so that values can be told apart by their place.
  const [observed, observedAlone] = [
    prepareSide(programs[0], numRanks(onRanks(degrees)), { observesValues: true, change }),
    prepareSide(onOneRank(programs[0]), 1, { observesValues: true, change: null }),
  ];
  const aloneSeen = await run(observedAlone, "alone-observed", "one device, with every value observed");
  const hereSeen = await run(observed, "mesh-observed", `${describeDegrees(degrees)}, with every value observed`);
  return { ...verified, difference: firstDifference(observed, hereSeen, aloneSeen, comparison.steps.alone) };
}

/** The same program, with the marks of its hooks, without mesh and stages. */
const onOneRank = (program: Program<"logical">): Program<"logical"> => ({
  ...program,
  mesh: oneRank,
  layout: { ...program.layout, pipeline: null },
});

function evaluateBoth({ path, mesh, settings }: VerifyOptions): {
  readonly here: Program<"logical">;
  readonly alone: Program<"logical">;
  readonly degrees: Degrees;
} {
  const own: readonly [string, string][] = settings.has(precisionEntry) ? [] : [[precisionEntry, "f32"]];
  const meshes = (degrees: Degrees | null) => new Map([...settings, ...own, ...(degrees ? meshSettings(degrees) : [])]);
  const here = evaluate(path, { settings: meshes(mesh) });
  const degrees = chooseDegrees(here);
  const alone = evaluate(path, { settings: meshes(degreesOf(oneRank)), checkTypes: false });
  return { here, alone, degrees };
}

/** An open degree is filled with the least that makes several ranks. */
function chooseDegrees(program: Program<"logical">): Degrees {
  const found = possibleDegrees(factsOf(program)).find((degrees) => numRanks(onRanks(degrees)) > 1);
  if (found) return found;
  throw new UsageError(
    "one rank is one device already: there is nothing to compare",
    "name a mesh: --mesh tp=2,dpShard=2",
  );
}
