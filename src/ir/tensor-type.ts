// The type of a tensor: its whole shape and its element type.

/** Element types. `bool` is one byte per element; indices and tokens are `i32`. */
export type DType = "f32" | "bf16" | "i32" | "bool";

export interface TensorType {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** Bytes of one element. */
export const numBytesOf: { readonly [D in DType]: number } = { f32: 4, bf16: 2, i32: 4, bool: 1 };

export const isFloat = (dtype: DType): boolean => dtype === "f32" || dtype === "bf16";

export const numElements = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);

/** `f32[4, 256, 768]`, as the text form and messages write it. */
export const showType = ({ dtype, shape }: TensorType): string => `${dtype}[${shape.join(", ")}]`;

export const sameType = (a: TensorType, b: TensorType): boolean =>
  a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((size, dim) => size === b.shape[dim]);
