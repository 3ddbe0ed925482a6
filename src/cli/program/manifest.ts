// `manifest.json` of a built program: what tools and people may want to know of it without starting it.
import { packageVersion } from "../../../codegen/package-folder.js";
import { showPlacement } from "../../ir/placement-text.js";
import type { ConfigEntry } from "../../ir/program.js";
import type { ScheduledProgram } from "../../ir/scheduled.js";
import type { Target } from "../../ir/target.js";
import type { KernelReport } from "../../native/cuda/kernel-report.js";
import { planOf, type RankPlan } from "./plan.js";
import { type ProgramSummary, summaryOf } from "./summary.js";

export interface ProgramManifest extends ProgramSummary {
  readonly format: "dreamc-program";
  readonly version: 1;
  readonly dreamcVersion: string;
  readonly target: Target;
  /** Of a CUDA program: the GPUs that it was compiled for, and what each of its kernels takes there. */
  readonly architectures?: readonly string[];
  readonly kernels?: readonly KernelReport[];
  /** The program's file in its folder. */
  readonly program: string;
  readonly config: readonly ConfigEntry[];
  readonly parameters: readonly ManifestParameter[];
  /** Modules that are computed again in backward, asked for or chosen for a memory budget. */
  readonly recomputed: readonly string[];
  /** What each rank needs, for each way to fill an open degree. */
  readonly memory: readonly RankPlan[];
}
export interface ManifestParameter {
  /** Every module path that holds it, the first one its name. */
  readonly paths: readonly string[];
  readonly shape: readonly number[];
  readonly dtype: string;
  /** How it is spread while it rests. */
  readonly placement: string;
  /** The place on axis pp whose ranks alone hold it. */
  readonly pp?: number;
}

export interface ManifestFacts {
  readonly target: Target;
  /** The program's file in its folder. */
  readonly file: string;
  readonly architectures: readonly string[];
  readonly kernels: readonly KernelReport[];
}

export const manifestOf = (
  scheduled: ScheduledProgram,
  { target, file, architectures, kernels }: ManifestFacts,
): ProgramManifest => ({
  format: "dreamc-program",
  version: 1,
  dreamcVersion: packageVersion,
  target,
  ...(target === "cuda" ? { architectures, kernels } : {}),
  program: file,
  ...summaryOf(scheduled.program),
  config: scheduled.program.config,
  parameters: scheduled.states
    .filter(({ state }) => state.kind === "parameter")
    .map(({ state: { paths, type }, rest, place }) => ({
      paths,
      shape: type.shape,
      dtype: type.dtype,
      placement: showPlacement(rest),
      ...(place === undefined ? {} : { pp: place }),
    })),
  recomputed: scheduled.program.layout.recomputed,
  memory: planOf(scheduled),
});
