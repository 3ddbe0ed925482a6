// Convolutions, pools and resizing of pictures `[B, C, H, W]` and sequences `[B, C, L]`.
import { cat, type Tensor } from "../tensor.js";
import { scaleChannels } from "./layers.js";
import { convolve, patches, type Window } from "./primitives.js";

/** One number for both sides, or one each for height and width. */
export type Pair = number | readonly [number, number];
export const pairOf = (value: Pair): readonly [number, number] => (typeof value === "number" ? [value, value] : value);

/**
 * `bias [O]` and the geometry of a convolution, as PyTorch names them: stride 1, padding 0, dilation 1, one group
 * unless told.
 */
export interface ConvOptions<Size> {
  readonly bias?: Tensor | null;
  readonly stride?: Size;
  readonly padding?: Size;
  readonly dilation?: Size;
  readonly groups?: number;
}

/** `x [B, C, H, W]`, `weight [O, C / groups, kh, kw]`, `bias [O]`: `[B, O, H', W']`, H' as in PyTorch. */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  { bias = null, stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions<Pair> = {},
): Tensor {
  const options = { stride: pairOf(stride), padding: pairOf(padding), dilation: pairOf(dilation), groups };
  return scaleChannels(convolve(x, weight, options), null, bias);
}

/** `x [B, C, L]`, `weight [O, C / groups, k]`, `bias [O]`: `[B, O, L']`. */
export function conv1d(
  x: Tensor,
  weight: Tensor,
  { bias = null, stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions<number> = {},
): Tensor {
  const options: ConvOptions<Pair> = {
    bias,
    stride: [1, stride],
    padding: [0, padding],
    dilation: [1, dilation],
    groups,
  };
  return conv2d(x.unsqueeze(2), weight.unsqueeze(2), options).squeeze(2);
}

/**
 * The transpose of a convolution: `x [B, C, H, W]`, `weight [C, O, kh, kw]`: `[B, O, (H - 1) stride - 2 padding + kh +
 * outputPadding, ...]`. Computed as a convolution of the spread-out input with the turned kernel.
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  {
    bias = null,
    stride = 1,
    padding = 0,
    outputPadding = 0,
  }: { bias?: Tensor | null; stride?: Pair; padding?: Pair; outputPadding?: Pair } = {},
): Tensor {
  const [strideY, strideX] = pairOf(stride);
  const [paddingY, paddingX] = pairOf(padding);
  const [extraY, extraX] = pairOf(outputPadding);
  const [height, width] = [weight.size(2), weight.size(3)];
  if (paddingY >= height || paddingX >= width) {
    throw new Error(
      `convTranspose2d needs a padding smaller than its kernel [${height}, ${width}], not [${paddingY}, ${paddingX}]`,
    );
  }
  const spread = spreadOut(spreadOut(x, 2, strideY), 3, strideX);
  const around = [
    width - 1 - paddingX,
    width - 1 - paddingX + extraX,
    height - 1 - paddingY,
    height - 1 - paddingY + extraY,
  ];
  return conv2d(spread.pad(around), turned(weight).transpose(0, 1), { bias });
}

/** `stride - 1` zeros between neighbours along `dim`. */
function spreadOut(x: Tensor, dim: number, stride: number): Tensor {
  if (stride === 1) return x;
  const size = x.size(dim);
  const behind = x.ndim - 1 - dim;
  const widths = [0, stride - 1];
  for (let i = 0; i < behind; i++) widths.unshift(0, 0);
  const columns = x.unsqueeze(dim + 1).pad(widths.slice(0, 2 * (behind + 1)));
  return columns.flatten(dim, dim + 1).narrow(dim, 0, (size - 1) * stride + 1);
}

/** A kernel `[C, O, kh, kw]` with both last dims reversed. */
function turned(weight: Tensor): Tensor {
  return reversed(reversed(weight, 2), 3);
}
function reversed(x: Tensor, dim: number): Tensor {
  const order = Array.from({ length: x.size(dim) }, (_, i) => x.size(dim) - 1 - i);
  return order.length === 1
    ? x
    : cat(
        order.map((i) => x.narrow(dim, i, 1)),
        { dim },
      );
}

/** The geometry of a pooling: the stride is the kernel unless told, padding 0. */
export interface PoolOptions {
  readonly stride?: Pair | null;
  readonly padding?: Pair;
}
function windowOf(kernel: Pair, { stride = null, padding = 0 }: PoolOptions): Window {
  return { kernel: pairOf(kernel), stride: pairOf(stride ?? kernel), padding: pairOf(padding), dilation: [1, 1] };
}

/** Largest element of each patch of `x [B, C, H, W]`; the stride is the kernel unless told. */
export const maxPool2d = (x: Tensor, kernel: Pair, options: PoolOptions = {}): Tensor =>
  patches(x, windowOf(kernel, options), { fill: -Infinity }).amax({ dim: [2, 3] });

/** Mean of each patch of `x [B, C, H, W]`, padding counted as zeros. */
export const avgPool2d = (x: Tensor, kernel: Pair, options: PoolOptions = {}): Tensor =>
  patches(x, windowOf(kernel, options), { fill: 0 }).mean({ dim: [2, 3] });

/** Means over equal areas: `[B, C, outputSize, outputSize]`; the sizes must divide. */
export function adaptiveAvgPool2d(x: Tensor, outputSize: Pair): Tensor {
  const [height, width] = pairOf(outputSize);
  if (x.size(2) % height !== 0 || x.size(3) % width !== 0) {
    throw new Error(
      `adaptiveAvgPool2d to [${height}, ${width}] needs sizes that divide, not [${x.size(2)}, ${x.size(3)}]`,
    );
  }
  const areas = x.view([x.size(0), x.size(1), height, x.size(2) / height, width, x.size(3) / width]);
  return areas.mean({ dim: [3, 5] });
}

/** Every place of `x [B, C, H, W]` repeated: nearest-neighbour enlargement by whole factors. */
export function interpolate(
  x: Tensor,
  { scaleFactor, mode = "nearest" }: { scaleFactor: Pair; mode?: "nearest" },
): Tensor {
  if (mode !== "nearest") throw new Error(`interpolate knows mode "nearest", not ${mode}`);
  const [y, z] = pairOf(scaleFactor);
  if (y % 1 !== 0 || z % 1 !== 0) throw new Error(`interpolate enlarges by whole factors, not by [${y}, ${z}]`);
  return x.repeatInterleave(y, { dim: 2 }).repeatInterleave(z, { dim: 3 });
}
