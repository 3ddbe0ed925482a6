// First values of parameters. Random ones depend on the program's `--seed`, not on the mesh.
import { type Parameter, rand, randn } from "./tensor.js";

/** Normal with the given mean and standard deviation. */
export function normal(parameter: Parameter, { mean = 0, std = 1 }: { mean?: number; std?: number } = {}): void {
  parameter.copy_(randn(parameter.shape).mul(std).add(mean));
}
/** Uniform in `[low, high)`. */
export function uniform(parameter: Parameter, { low = 0, high = 1 }: { low?: number; high?: number } = {}): void {
  parameter.copy_(
    rand(parameter.shape)
      .mul(high - low)
      .add(low),
  );
}
/** All elements 0. */
export function zeros(parameter: Parameter): void {
  parameter.zero_();
}
/** All elements 1. */
export function ones(parameter: Parameter): void {
  parameter.fill_(1);
}
/** All elements `value`. */
export function constant(parameter: Parameter, value: number): void {
  parameter.fill_(value);
}
/** Normal, cut off `cut` standard deviations from the mean by clamping. */
export function truncNormal(
  parameter: Parameter,
  { mean = 0, std = 1, cut = 2 }: { mean?: number; std?: number; cut?: number } = {},
): void {
  parameter.copy_(randn(parameter.shape).clamp({ min: -cut, max: cut }).mul(std).add(mean));
}

/** Elements that feed one output, and outputs that one element feeds. */
function fans(parameter: Parameter): readonly [number, number] {
  if (parameter.ndim < 2)
    throw new Error(`fans need a weight of at least two dims, not [${parameter.shape.join(", ")}]`);
  const field = parameter.shape.slice(2).reduce((n, size) => n * size, 1);
  return [parameter.size(1) * field, parameter.size(0) * field];
}

/** Glorot and Bengio 2010: uniform in ±gain sqrt(6 / (fanIn + fanOut)). */
export function xavierUniform(parameter: Parameter, { gain = 1 }: { gain?: number } = {}): void {
  const [fanIn, fanOut] = fans(parameter);
  const bound = gain * Math.sqrt(6 / (fanIn + fanOut));
  uniform(parameter, { low: -bound, high: bound });
}
/** Glorot and Bengio 2010: normal with standard deviation gain sqrt(2 / (fanIn + fanOut)). */
export function xavierNormal(parameter: Parameter, { gain = 1 }: { gain?: number } = {}): void {
  const [fanIn, fanOut] = fans(parameter);
  normal(parameter, { std: gain * Math.sqrt(2 / (fanIn + fanOut)) });
}
/** He et al. 2015 for leaky ReLU of slope `a`: uniform in ±sqrt(6 / ((1 + a²) fanIn)). */
export function kaimingUniform(parameter: Parameter, { a = 0 }: { a?: number } = {}): void {
  const bound = Math.sqrt(6 / ((1 + a * a) * fans(parameter)[0]));
  uniform(parameter, { low: -bound, high: bound });
}
/** He et al. 2015 for leaky ReLU of slope `a`: normal with standard deviation sqrt(2 / ((1 + a²) fanIn)). */
export function kaimingNormal(parameter: Parameter, { a = 0 }: { a?: number } = {}): void {
  normal(parameter, { std: Math.sqrt(2 / ((1 + a * a) * fans(parameter)[0])) });
}
