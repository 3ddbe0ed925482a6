// What a training step sends is what the textbook says, to the last element: data, fully sharded, tensor, sequence and loss
// parallel, alone and together, small and at the sizes of GPT-2 on eight ranks.
import { describe, expect, test } from "vitest";
import { compileProgram } from "../../src/compile.js";
import type { LocalGraph } from "../../src/ir/graph.js";
import type { meshOf } from "../../src/ir/mesh.js";
import type { Program } from "../../src/ir/program.js";
import { evaluateSmall } from "../small-examples.js";
import { type Parallelism, parallel } from "./parallel-plans.js";
import { type SentByAxis, type Shape, sentBy, textbook } from "./textbook.js";

type Degrees = Parameters<typeof meshOf>[0];

const stepOf = (program: Program<"local">, step = "trainingStep"): LocalGraph =>
  [...program.graphs.values()].find(({ name }) => name.startsWith(step))!;

const sizesOf = ({ batch, time, width, vocab, layers }: Shape, numHeads: number) => ({
  ...{ hiddenSize: width, numLayers: layers, numHeads, vocabSize: vocab, sequenceLength: time, trainBatchSize: batch },
});

/** The plan of the example itself: sequence parallel between blocks. */
const entries: { readonly [axis: string]: string } = { tp: "tensorParallel" };
const settingsOf = (degrees: Degrees, isLossParallel: boolean) => ({
  "deviceParameters.dpReplicate": 1,
  "deviceParameters.lossParallel": isLossParallel,
  ...Object.fromEntries(
    Object.entries(degrees).map(([axis, degree]) => [`deviceParameters.${entries[axis] ?? axis}`, degree!]),
  ),
});

function close(found: SentByAxis, expected: SentByAxis): void {
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  for (const [axis, elements] of Object.entries(expected))
    expect(found[axis as keyof SentByAxis], axis).toBeCloseTo(elements, 6);
}

const data: readonly Degrees[] = [{ dpReplicate: 2 }, { dpShard: 4 }, { dpReplicate: 2, dpShard: 2 }];
const tensor: readonly Degrees[] = [{ tp: 2 }, { tp: 4 }, { dpReplicate: 2, dpShard: 2, tp: 2 }];

const small: Shape = { batch: 4, time: 8, width: 8, vocab: 61, layers: 2 };
const examples = [
  ["gpt", sizesOf(small, 4)],
  ["llama", { ...sizesOf(small, 4), numKeyValueHeads: 4, intermediateSize: 12 }],
] as const;

describe.each(examples)("%s", (example, sizes) => {
  const plain = evaluateSmall(example, sizes);
  test.each(data)("on %o", (degrees) => {
    const program = parallel(plain, { degrees });
    const technique = { isSequenceParallel: false, isLossParallel: false };
    close(sentBy(stepOf(compileProgram(program)), program.mesh), textbook(program, small, technique));
  });

  test.each(
    tensor.flatMap((degrees) => [false, true].map((isLossParallel): Parallelism => ({ degrees, isLossParallel }))),
  )("tensor parallel: %o", (how) => {
    const program = parallel(plain, how);
    const technique = { isSequenceParallel: false, isLossParallel: how.isLossParallel! };
    close(sentBy(stepOf(compileProgram(program)), program.mesh), textbook(program, small, technique));
  });

  test.each(tensor.flatMap((degrees) => [false, true].map((isLossParallel) => [degrees, isLossParallel] as const)))(
    "sequence parallel, by its own hooks: %o, loss parallel %s",
    (degrees, isLossParallel) => {
      const program = evaluateSmall(example, sizes, settingsOf(degrees, isLossParallel));
      const technique = { isSequenceParallel: true, isLossParallel };
      close(sentBy(stepOf(compileProgram(program)), program.mesh), textbook(program, small, technique));
    },
  );
});

test.each([...data, ...tensor])(
  "microbatches add up on %o: gradients are sent with the last, by FSDP's scatter alone before",
  (degrees) => {
    const technique = { isSequenceParallel: "tp" in degrees, isLossParallel: "tp" in degrees };
    const settings = {
      ...settingsOf(degrees, technique.isLossParallel),
      "trainingParameters.gradientAccumulationSteps": 3,
    };
    for (const [example, sizes] of examples) {
      const program = evaluateSmall(example, sizes, settings);
      const local = compileProgram(program);
      const before = textbook(program, small, { ...technique, isAccumulating: true });
      close(sentBy(stepOf(local, "accumulationStep"), program.mesh), before);
      close(sentBy(stepOf(local), program.mesh), textbook(program, small, technique));
    }
  },
);

const gpt2: Shape = { batch: 8, time: 1024, width: 768, vocab: 50257, layers: 12 };

test.each([
  { dpReplicate: 8 },
  { dpShard: 8 },
  { dpReplicate: 2, dpShard: 4 },
  { tp: 8 },
  { dpShard: 2, tp: 4 },
  { dpShard: 4, tp: 2 },
  { dpReplicate: 2, dpShard: 2, tp: 2 },
] satisfies Degrees[])("GPT-2 on eight ranks: %o", (degrees) => {
  const isSequenceParallel = "tp" in degrees;
  const sizes = sizesOf(gpt2, 12);
  const program = evaluateSmall("gpt", sizes, settingsOf(degrees, isSequenceParallel));
  const technique = { isSequenceParallel, isLossParallel: isSequenceParallel };
  const found = sentBy(stepOf(compileProgram(program)), program.mesh);
  close(found, textbook(program, gpt2, technique));
  console.log(JSON.stringify(degrees), JSON.stringify(found));
});
