// Curves of two runs, compared.
import { expect } from "vitest";
import type { ProgramRun } from "./built-program.js";

/** Every metric of every step, relative where it is above 1; the first one that is off is told. */
export function expectCurves(found: ProgramRun["steps"], wanted: ProgramRun["steps"], tolerance: number): void {
  expect(found.length).toBe(wanted.length);
  wanted.forEach((metrics, step) => {
    for (const [metric, value] of Object.entries(metrics)) {
      const error = Math.abs(found[step]![metric]! - value) / Math.max(1, Math.abs(value));
      expect(error, `${metric} of step ${step + 1}`).toBeLessThanOrEqual(tolerance);
    }
  });
}
