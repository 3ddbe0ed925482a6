// Models of known size, from configs alone: nothing of their size is allocated.
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { countParameters } from "../../src/ir/count-parameters.js";
import { evaluate } from "../../src/phases/1-evaluate/evaluate.js";

const evaluated = (path: string) => evaluate(resolve(import.meta.dirname, "../..", path), { checkTypes: false });

describe("parameters", () => {
  it("of GPT-2 small are 124,439,808", () => {
    const before = process.memoryUsage().arrayBuffers;
    const program = evaluated("examples/gpt/gpt2.ts");
    expect(countParameters(program)).toBe(124_439_808);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6);
  });
  it("of Llama 3.1 8B are 8,030,261,248", () => {
    const program = evaluated("examples/llama/llama-3.1-8b.ts");
    expect(countParameters(program)).toBe(8_030_261_248);
    expect(program.states.find(({ name }) => name === "model.head.weight")!.type.shape).toEqual([128256, 4096]);
  });
});
