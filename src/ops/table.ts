// Every op that there is. Adding one means adding its record to a family and its name here.
import { attention, attentionGradient } from "./attention.js";
import { attentionAt, attentionAtGradient } from "./attention-at.js";
import { contract } from "./contract.js";
import { constant, iota, table } from "./creation.js";
import { crossEntropy, crossEntropyGradient } from "./cross-entropy.js";
import * as binary from "./elementwise-binary.js";
import * as unary from "./elementwise-unary.js";
import { cast, concat, mark, pad, slice, stopGradient } from "./layout.js";
import { gather, gatherGradient, take, takeGradient } from "./lookup.js";
import { layerNorm, layerNormGradient, rmsNorm, rmsNormGradient } from "./normalization.js";
import type { Op } from "./op.js";
import { patches, patchesGradient } from "./patches.js";
import { randomNormal, randomUniform } from "./random.js";
import { argmax, logsumexp, max, sum } from "./reductions.js";
import { regroup } from "./regroup.js";

const { abs, cos, erf, exp, floor, gelu, geluTanh, log, log1p, neg, not, reciprocal } = unary;
const { relu, rsqrt, sigmoid, sign, silu, sin, sqrt, square, tanh } = unary;
const { add, and, div, equal, floorDivide, less, lessEqual, maximum, minimum, mul, or, pow, remainder, select, sub } =
  binary;

const records: readonly Op[] = [
  ...[neg, abs, sign, exp, log, log1p, sqrt, rsqrt, reciprocal, square, sin, cos, tanh, erf, floor],
  ...[sigmoid, relu, silu, gelu, geluTanh, not],
  ...[add, sub, mul, div, floorDivide, remainder, maximum, minimum, pow, less, lessEqual, equal, and, or, select],
  ...[constant, table, iota, randomUniform, randomNormal],
  ...[regroup, stopGradient, mark, slice, pad, concat, cast],
  ...[sum, max, argmax, logsumexp],
  ...[contract, take, takeGradient, gather, gatherGradient],
  ...[layerNorm, layerNormGradient, rmsNorm, rmsNormGradient],
  ...[
    crossEntropy,
    crossEntropyGradient,
    attention,
    attentionGradient,
    attentionAt,
    attentionAtGradient,
    patches,
    patchesGradient,
  ],
];

/** Records by name. */
export const ops: ReadonlyMap<string, Op> = new Map(records.map((op) => [op.name, op]));

export {
  abs,
  add,
  and,
  argmax,
  attention,
  attentionAt,
  attentionAtGradient,
  attentionGradient,
  cast,
  concat,
  constant,
  contract,
  cos,
  crossEntropy,
  crossEntropyGradient,
  div,
  equal,
  erf,
  exp,
  floor,
  floorDivide,
  gather,
  gatherGradient,
  gelu,
  geluTanh,
  iota,
  layerNorm,
  layerNormGradient,
  less,
  lessEqual,
  log,
  log1p,
  logsumexp,
  mark,
  max,
  maximum,
  minimum,
  mul,
  neg,
  not,
  or,
  pad,
  patches,
  patchesGradient,
  pow,
  randomNormal,
  randomUniform,
  reciprocal,
  regroup,
  relu,
  remainder,
  rmsNorm,
  rmsNormGradient,
  rsqrt,
  select,
  sigmoid,
  sign,
  silu,
  sin,
  slice,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  table,
  take,
  takeGradient,
  tanh,
};
