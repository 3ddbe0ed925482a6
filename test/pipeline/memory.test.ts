// What each place of a pipeline holds: the states of its own stages, no more, and the activations of the microbatches that
// are on their way through it.
import { describe, expect, test } from "vitest";
import { compileToEnd } from "../../src/compile.js";
import { memoryPlan } from "../../src/ir/memory-plan.js";
import { numBytesOf } from "../../src/ir/tensor-type.js";
import { evaluateSmall } from "../small-examples.js";
import { type PipelineCase, pipelined } from "./pipelined.js";

const numPlaces = 2;
const gpt = evaluateSmall("gpt", { trainBatchSize: 8 });
const planOn = (more: Omit<PipelineCase, "mesh">) => {
  const scheduled = compileToEnd(pipelined("gpt", gpt, { mesh: { pp: numPlaces }, ...more }));
  return { scheduled, plans: [0, 1].map((place) => memoryPlan(scheduled, 0, place)) };
};
const bytesOf = ({ states }: ReturnType<typeof memoryPlan>, wanted: string): number =>
  states.filter(({ kind }) => kind === wanted).reduce((sum, { bytes }) => sum + bytes, 0);

describe("states", () => {
  const { plans, scheduled } = planOn({});
  const whole = memoryPlan(compileToEnd(gpt));
  test("each place holds those of its own stages, and what several stages share", () => {
    for (const kind of ["parameter", "optimizer"] as const) {
      const shared = scheduled.states.filter(({ state, place }) => state.kind === kind && place === undefined);
      const twice = shared.reduce((sum, { buffer }) => sum + buffer.numElements[0]! * numBytesOf[buffer.dtype], 0);
      expect(plans.reduce((sum, plan) => sum + bytesOf(plan, kind), 0) - twice).toBe(bytesOf(whole, kind));
    }
    expect(plans[0]!.stateBytes).not.toBe(plans[1]!.stateBytes);
  });
  test("nothing but alignment lies between them", () => {
    for (const plan of plans) {
      const named = plan.states.reduce((sum, { bytes }) => sum + bytes, 0);
      expect(plan.stateBytes - named).toBeLessThan(64 * scheduled.states.length);
    }
  });
});

describe("activations", () => {
  /** By place, with the batch in four microbatches and in eight, which are half as large. */
  const activationsOf = (schedule: "gpipe" | "1f1b") =>
    [4, 8].map((numMicrobatches) =>
      planOn({ schedule, numMicrobatches }).plans.map(({ graphs }) =>
        Math.max(...graphs.map(({ mostOf }) => mostOf.activations)),
      ),
    ) as [number[], number[]];
  const gpipe = activationsOf("gpipe");
  const oneForwardOneBackward = activationsOf("1f1b");

  test.each([0, 1])("place %i holds all microbatches under GPipe, at most two under 1F1B", (place) => {
    // Bounds between the two schedules. Under GPipe what the whole batch needs stays, however it is cut: 1. Under 1F1B two
    // microbatches stay at most, half as large of eight: 0.5 and what is no microbatch's, and half or a quarter of GPipe's.
    expect(gpipe[1][place]! / gpipe[0][place]!).toBeGreaterThan(0.9);
    expect(oneForwardOneBackward[1][place]! / oneForwardOneBackward[0][place]!).toBeLessThan(0.8);
    expect(oneForwardOneBackward[1][place]! / gpipe[1][place]!).toBeLessThan(0.6);
  });
});
