// Arrays of float64, row-major: the interpreter's tensors. Integers and booleans are numbers here.

export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export const zeros = (shape: readonly number[]): NdArray => ({
  shape,
  data: new Float64Array(shape.reduce((n, size) => n * size, 1)),
});
