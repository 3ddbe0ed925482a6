// How an elementwise record is made: from a scalar expression for kernels, a function for the reference and a gradient.
// All operands have one shape; broadcasting is `regroup`'s work.
import type { LogicalValue } from "../ir/graph.js";
import { input, type KernelBody, type Scalar } from "../ir/kernel.js";
import { type DType, isFloat, numElements } from "../ir/tensor-type.js";
import { dimLetters } from "./factors.js";
import { type Emitter, type Op, OperandError, type Precision, type Sample } from "./op.js";
import { fillArray, ofAnyRank, perElement, plain } from "./record.js";

export type Elementwise = Op<Record<never, never>>;

interface Definition {
  readonly name: string;
  readonly numInputs: number;
  readonly value: (...operands: readonly number[]) => number;
  readonly scalar: (...operands: readonly Scalar[]) => Scalar;
  readonly dtypes: (dtypes: readonly DType[]) => readonly DType[];
  readonly gradient: (
    g: Emitter,
    gradient: LogicalValue,
    inputs: readonly LogicalValue[],
    output: LogicalValue,
  ) => readonly (LogicalValue | null)[];
  readonly linear?: readonly (readonly number[])[];
  readonly flops?: number;
  readonly precision?: Precision;
  /** Where some input is one number: which input the result is. */
  readonly shortcut?: (...constants: readonly (number | null)[]) => number | null;
  readonly sample?: Partial<Sample<Record<never, never>>>;
}

/** The body of a kernel that visits every element once. */
export function elementwiseBody(numDims: number, value: Scalar): KernelBody {
  return { outer: dimLetters(numDims), inner: [], passes: [{ kind: "store", output: 0, over: "outer", value }] };
}

export function defineElementwise(definition: Definition): Elementwise {
  const { name, numInputs, value, scalar, dtypes, gradient, linear = [], flops = 1, precision = "follow" } = definition;
  const shape = [2, 3];
  return {
    ...plain,
    ...ofAnyRank,
    name,
    factors: (shapes) => {
      const letters = dimLetters(Math.max(0, ...shapes.map((each) => each.length))).join("");
      return `${new Array(numInputs).fill(letters).join(",")}->${letters}`;
    },
    dtypes: (given) => dtypes(given),
    linear: () => linear,
    gradient: (g, [outer], inputs, [output]) => (outer ? gradient(g, outer, inputs, output!) : inputs.map(() => null)),
    precision,
    shortcut: (constants) => {
      if (constants.every((number) => number !== null)) {
        const constant = value(...constants);
        return Number.isFinite(constant) ? { constant } : null;
      }
      const same = definition.shortcut?.(...constants) ?? null;
      return same === null ? null : { input: same };
    },
    cost: perElement(flops),
    reference: (inputs) => {
      const arrays = inputs.map(({ data }) => data);
      const [a, b, c] = arrays;
      const at =
        numInputs === 1
          ? (i: number) => value(a![i]!)
          : numInputs === 2
            ? (i: number) => value(a![i]!, b![i]!)
            : (i: number) => value(a![i]!, b![i]!, c![i]!);
      return [fillArray(inputs[0]!.shape, at)];
    },
    lower: (_, [output]) => ({
      kind: "loops",
      body: elementwiseBody(
        output!.shape.length,
        scalar(...Array.from({ length: numInputs }, (_unused, i) => input(i))),
      ),
    }),
    samples: [
      { shapes: new Array(numInputs).fill(shape), attrs: {}, ...definition.sample },
      { shapes: new Array(numInputs).fill([numElements(shape)]), attrs: {}, ...definition.sample },
    ],
  };
}

const refuse = (name: string, dtypes: readonly DType[], want: string): never => {
  throw new OperandError(`${name} takes ${want}, not ${dtypes.join(" and ")}`);
};

/** One float type in, the same out. */
export const floatsOnly =
  (name: string) =>
  (dtypes: readonly DType[]): readonly DType[] => {
    const [first] = dtypes;
    if (!first || !isFloat(first) || dtypes.some((dtype) => dtype !== first))
      refuse(name, dtypes, "floats of one type");
    return [first!];
  };

/** One number type in, the same out. */
export const numbersOnly =
  (name: string) =>
  (dtypes: readonly DType[]): readonly DType[] => {
    const [first] = dtypes;
    if (!first || first === "bool" || dtypes.some((dtype) => dtype !== first))
      refuse(name, dtypes, "numbers of one type");
    return [first!];
  };

/** Operands of one type in, a mask out. */
export const toMask =
  (name: string) =>
  (dtypes: readonly DType[]): readonly DType[] => {
    if (dtypes.some((dtype) => dtype !== dtypes[0])) refuse(name, dtypes, "operands of one type");
    return ["bool"];
  };

/** Masks in, a mask out. */
export const masksOnly =
  (name: string) =>
  (dtypes: readonly DType[]): readonly DType[] => {
    if (dtypes.some((dtype) => dtype !== "bool")) refuse(name, dtypes, "bool tensors");
    return ["bool"];
  };
