// Stages of a pipeline wait for each other, so what comes before a transfer stays before it: passes that change the order
// of jobs do so between transfers only.
import type { Job } from "./work.js";

/** Whether the job is one that another stage takes part in. */
export const isBetweenStages = (job: Job): boolean => job.kind === "collective" && job.axis === "pp";

/** The jobs between those that other stages take part in, and these alone. */
export function segmentsOf<J extends Job>(jobs: readonly J[]): readonly (readonly J[])[] {
  const segments: J[][] = [[]];
  for (const job of jobs) {
    if (isBetweenStages(job)) segments.push([job], []);
    else segments.at(-1)!.push(job);
  }
  return segments.filter((segment) => segment.length > 0);
}
