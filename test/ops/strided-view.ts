// What `regroup` and `slice` are lowered to: the same elements through other strides.
import type { NdArray } from "../../src/ir/nd.js";
import type { Factors } from "../../src/ops/factors.js";
import { fillArray, rowMajor } from "../../src/ops/record.js";

interface View {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly start: number;
}

const readThrough = ({ data }: NdArray, { shape, strides, start }: View): NdArray => {
  const own = rowMajor(shape);
  return fillArray(shape, (i) => {
    const at = shape.reduce((n, size, d) => n + (Math.floor(i / own[d]!) % size) * strides[d]!, start);
    if (!(at >= 0 && at < data.length)) throw new Error(`a view reads element ${at} of ${data.length}`);
    return data[at]!;
  });
};

/** Each letter of the operand has a stride; one that the operand lacks has stride 0. A merged dim is walked letter by letter. */
export function regroupView(x: NdArray, factors: Factors, sizes: ReadonlyMap<string, number>): NdArray {
  const strides = new Map<string, number>();
  let stride = 1;
  for (const letter of factors.inputs[0]!.flat().reverse()) {
    strides.set(letter, stride);
    stride *= sizes.get(letter)!;
  }
  const letters = factors.outputs[0]!.flat();
  const view = readThrough(x, {
    shape: letters.map((letter) => sizes.get(letter)!),
    strides: letters.map((letter) => strides.get(letter) ?? 0),
    start: 0,
  });
  const merged = factors.outputs[0]!.map((dim) => dim.reduce((n, letter) => n * sizes.get(letter)!, 1));
  return { shape: merged, data: view.data };
}

export function sliceView(
  x: NdArray,
  { dim, start, step }: { readonly dim: number; readonly start: number; readonly step: number },
  shape: readonly number[],
): NdArray {
  const strides = rowMajor(x.shape);
  return readThrough(x, {
    shape,
    strides: strides.map((stride, d) => (d === dim ? stride * step : stride)),
    start: start * strides[dim]!,
  });
}
