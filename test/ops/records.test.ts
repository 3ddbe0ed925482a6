// What every record says of shapes, gradients, linearity and cost, checked against its reference.
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/build.js";
import type { LogicalValue } from "../../src/ir/graph.js";
import { runGraph } from "../../src/ir/interpret.js";
import type { NdArray } from "../../src/ir/nd.js";
import { isFloat } from "../../src/ir/tensor-type.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { describe as describeCall } from "../../src/ops/factors.js";
import { type Op, OperandError, type Sample } from "../../src/ops/op.js";
import { mul, ops, stopGradient, sum } from "../../src/ops/table.js";
import { differentiate } from "../../src/phases/2-differentiate/differentiate.js";
import { distance, randomArray } from "../arrays.js";
import { cases, inputArrays, inputTypes } from "./sample-inputs.js";

/** Results that exist for the op's own gradient: a loss cannot depend on them. */
const forBackwardAlone: { readonly [op: string]: readonly number[] } = {
  layerNorm: [1, 2],
  rmsNorm: [1],
  crossEntropy: [1],
  attention: [1],
  attentionAt: [1],
};
/** Ops that only gradients are made of, and gradients are constants of every other loss. */
const withoutSecondDerivative = [
  ...["layerNormGradient", "rmsNormGradient", "crossEntropyGradient"],
  ...["attentionGradient", "attentionAtGradient"],
];

const publicResults = (op: Op, numResults: number): readonly number[] =>
  Array.from({ length: numResults }, (_, o) => o).filter((o) => !forBackwardAlone[op.name]?.includes(o));

test.each([...ops])("%s is filed under its own name", (name, op) => {
  expect(op.name).toBe(name);
});

describe.each(cases)("$title", ({ op, sample }) => {
  const types = inputTypes(op, sample);
  const arrays = inputArrays(sample, 1);
  const { outputTypes } = describeCall(op, types, sample.attrs);
  const results = publicResults(op, outputTypes.length).filter((o) => isFloat(outputTypes[o]!.dtype));

  test("the reference gives the shapes that the factors say", () => {
    expect(op.reference(arrays, sample.attrs).map(({ shape }) => shape)).toEqual(outputTypes.map(({ shape }) => shape));
  });

  test("one element type per result, and a cost", () => {
    expect(
      op.dtypes(
        types.map(({ dtype }) => dtype),
        sample.attrs,
      ),
    ).toHaveLength(outputTypes.length);
    const { flops, bytes } = op.cost(types, outputTypes, sample.attrs);
    expect(flops).toBeGreaterThanOrEqual(0);
    expect(bytes).toBeGreaterThanOrEqual(0);
  });

  test("is linear in the sets of inputs that it names", () => {
    const other = inputArrays(sample, 2);
    for (const set of op.linear(types.length, sample.attrs)) {
      const at = (pick: (i: number) => NdArray) =>
        op.reference(
          arrays.map((array, i) => (set.includes(i) ? pick(i) : array)),
          sample.attrs,
        );
      const mixed = at((i) => combine(arrays[i]!, other[i]!, (a, b) => 2 * a - 3 * b));
      const [ofOne, ofOther] = [at((i) => arrays[i]!), at((i) => other[i]!)];
      mixed.forEach((array, o) => {
        const expected = combine(ofOne[o]!, ofOther[o]!, (a, b) => 2 * a - 3 * b);
        expect(distance(array, expected), `result ${o} in inputs ${set}`).toBeLessThan(1e-12);
      });
    }
  });

  if (op === stopGradient)
    test("no gradient passes", () => {
      const found = gradients(op, sample, types, [0], false).run(arrays);
      expect(found.get("dx0")!.data.every((element) => element === 0)).toBe(true);
    });
  else if (withoutSecondDerivative.includes(op.name))
    test("refuses a second derivative", () => {
      expect(() => gradients(op, sample, types, [0], false)).toThrow(OperandError);
    });
  else {
    if (results.length > 0)
      test("gradients by every input agree with finite differences", () => {
        compareWithDifferences(op, sample, arrays, gradients(op, sample, types, results, false));
      });
    const floats = types.flatMap(({ dtype, shape }, i) =>
      isFloat(dtype) && String(shape) === String(types.find((type) => isFloat(type.dtype))!.shape) ? [i] : [],
    );
    if (results.length > 0 && floats.length > 1)
      test("gradients add up where one value is several inputs", () => {
        const source = floats.find((i) => sample.positive?.includes(i)) ?? floats[0]!;
        const tied = arrays.map((array, i) => (floats.includes(i) ? arrays[source]! : array));
        compareWithDifferences(op, sample, tied, gradients(op, sample, types, results, true));
      });
    for (const o of forBackwardAlone[op.name] ?? [])
      test(`no loss reaches result ${o}`, () => {
        expect(() => gradients(op, sample, types, [o], false)).toThrow("for its gradient alone");
      });
  }
});

const combine = (a: NdArray, b: NdArray, by: (a: number, b: number) => number): NdArray => ({
  shape: a.shape,
  data: a.data.map((element, i) => by(element, b.data[i]!)),
});

interface Differentiated {
  /** Groups of inputs that are one value, each with its gradient. */
  readonly groups: readonly { readonly inputs: readonly number[]; readonly name: string }[];
  readonly run: (arrays: readonly NdArray[]) => ReadonlyMap<string, NdArray>;
}

/** The loss is the sum of some results, each times fixed numbers. */
function gradients(
  op: Op,
  sample: Sample<unknown>,
  types: ReturnType<typeof inputTypes>,
  results: readonly number[],
  isTied: boolean,
): Differentiated {
  const g = new GraphBuilder("sample");
  const floats = types.flatMap(({ dtype, shape }, i) =>
    isFloat(dtype) && String(shape) === String(types.find((type) => isFloat(type.dtype))!.shape) ? [i] : [],
  );
  const leader = (i: number): number => (isTied && floats.includes(i) ? floats[0]! : i);
  const values: LogicalValue[] = [];
  types.forEach((type, i) => {
    values.push(leader(i) === i ? g.input({ kind: "tensor", name: `x${i}` }, type, `x${i}`) : values[leader(i)]!);
  });
  const outputs = g.emit(op, values, sample.attrs);
  const terms = results.map((o) => {
    const { type } = outputs[o]!;
    const weight = g.input({ kind: "tensor", name: `w${o}` }, type, `w${o}`);
    const [product] = g.emit(mul, [outputs[o]!, weight], {});
    return g.emit(sum, [product!], { dims: type.shape.map((_, d) => d) })[0]!;
  });
  const loss = terms.reduce((a, b) => g.emit(ops.get("add")!, [a, b], {})[0]!);
  const wanted = types.flatMap(({ dtype }, i) => (isFloat(dtype) && leader(i) === i ? [i] : []));
  const made = g.gradient(
    loss,
    wanted.map((i) => values[i]!),
  );
  const graph = differentiate(
    g.finish({
      results: [{ name: "loss", value: loss }, ...wanted.map((i, n) => ({ name: `dx${i}`, value: made[n]! }))],
    }),
  );
  expect(verifyGraph(graph)).toEqual([]);
  const weights = new Map(results.map((o) => [`w${o}`, randomArray(outputs[o]!.type.shape, 50 + o)]));
  return {
    groups: wanted.map((i) => ({
      inputs: types.flatMap((_, j) => (leader(j) === i ? [j] : [])),
      name: `dx${i}`,
    })),
    run: (arrays) =>
      runGraph(graph, (source) => {
        if (source.kind !== "tensor") throw new Error("only tensors here");
        return weights.get(source.name) ?? arrays[Number(source.name.slice(1))]!;
      }).results,
  };
}

/** Central differences: their error is about step² + 1e-16 / step, times third derivatives of at most hundreds here. */
const step = 1e-5;
const tolerance = 1e-6;

function compareWithDifferences(
  op: Op,
  sample: Sample<unknown>,
  arrays: readonly NdArray[],
  { groups, run }: Differentiated,
): void {
  const found = run(arrays);
  for (const { inputs, name } of groups) {
    const gradient = found.get(name)!;
    arrays[inputs[0]!]!.data.forEach((_, at) => {
      const lossAt = (nudge: number): number =>
        run(
          arrays.map((array, i) =>
            inputs.includes(i) ? { shape: array.shape, data: array.data.with(at, array.data[at]! + nudge) } : array,
          ),
        ).get("loss")!.data[0]!;
      const difference = (lossAt(step) - lossAt(-step)) / (2 * step);
      const error = Math.abs(gradient.data[at]! - difference) / Math.max(1, Math.abs(difference));
      expect(error, `${op.name} ${JSON.stringify(sample.attrs)} input ${inputs} at ${at}`).toBeLessThan(tolerance);
    });
  }
}
