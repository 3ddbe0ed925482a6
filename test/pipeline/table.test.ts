// The tables of all schedules: every cell once, nobody waits forever, bubbles are the textbook's.
import { describe, expect, test } from "vitest";
import type { PipelineShape } from "../../src/ir/pipeline.js";
import { clock, drawTable, expectedBubble } from "../../src/ir/pipeline-clock.js";
import { inOneOrder, tableOf } from "../../src/phases/3-partition/pipeline/table.js";

const shapes: readonly PipelineShape[] = [1, 2, 3, 4, 8].flatMap((numPlaces) => [
  ...[1, 2, 3, 5, 8].flatMap((numMicrobatches) =>
    (["gpipe", "1f1b"] as const).map((schedule) => ({ schedule, numPlaces, stagesPerRank: 1, numMicrobatches })),
  ),
  ...[1, 2, 3].flatMap((rounds) =>
    [2, 3].map(
      (stagesPerRank): PipelineShape => ({
        schedule: "interleaved1f1b",
        numPlaces,
        stagesPerRank,
        numMicrobatches: rounds * numPlaces,
      }),
    ),
  ),
]);

describe("tables", () => {
  test.each(shapes)("%o", (shape) => {
    const table = tableOf(shape);
    const cells = table.flat().map(({ way, microbatch, stage }) => `${way} ${microbatch} ${stage}`);
    expect(new Set(cells).size).toBe(cells.length);
    expect(cells.length).toBe(2 * shape.numMicrobatches * shape.numPlaces * shape.stagesPerRank);
    expect(clock(table, shape)!.bubble).toBeCloseTo(expectedBubble(shape), 12);
    expect(inOneOrder(table, shape)).toHaveLength(cells.length);
  });

  test("1F1B keeps no more microbatches than there are stages behind", () => {
    const shape: PipelineShape = { schedule: "1f1b", numPlaces: 4, stagesPerRank: 1, numMicrobatches: 9 };
    const most = tableOf(shape).map((cells) => {
      let kept = 0;
      return Math.max(...cells.map(({ way }) => (kept += way === "forward" ? 1 : -1)));
    });
    expect(most).toEqual([4, 3, 2, 1]);
  });

  test("lists that wait for each other forever are found", () => {
    const shape: PipelineShape = { schedule: "1f1b", numPlaces: 2, stagesPerRank: 1, numMicrobatches: 2 };
    const [first, second] = tableOf(shape);
    expect(clock([[...first!].reverse(), second!], shape)).toBeNull();
  });

  test("as a picture", () => {
    const shape: PipelineShape = { schedule: "1f1b", numPlaces: 2, stagesPerRank: 1, numMicrobatches: 3 };
    expect(drawTable(tableOf(shape), shape)).toBe(
      [
        "1f1b: 3 microbatches through 2 stages",
        "pp 0  F0 F1 ·  B0 F2 B1 ·  B2",
        "pp 1  ·  F0 B0 F1 B1 F2 B2 ·",
        "bubbles: 25.0 % of the time (by the formula 25.0 %)",
      ].join("\n"),
    );
  });
});
