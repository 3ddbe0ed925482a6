// Two runs, compared: the curves of their metrics, and the gradients of their first step.
import { expect } from "vitest";
import { relativeDistance } from "../pytorch/compare.js";
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

/** On other meshes sums are added in another order: curves within 1e-5, gradients within 1e-4. */
const [lossTolerance, gradientTolerance] = [1e-5, 1e-4];

/** A gradient that is zero but for rounding counts by the others. */
export function expectSameNumbers(found: ProgramRun, wanted: ProgramRun): void {
  expectCurves(found.steps, wanted.steps, lossTolerance);
  expect([...found.gradients.keys()].sort()).toEqual([...wanted.gradients.keys()].sort());
  const least = Math.hypot(...[...wanted.gradients.values()].map(({ data }) => Math.hypot(...data))) / 1000;
  for (const [label, value] of wanted.gradients)
    expect
      .soft(relativeDistance(found.gradients.get(label)!, value, least), label)
      .toBeLessThanOrEqual(gradientTolerance);
}
