// Cross-entropy of rows of logits. The log of the normaliser is kept, probabilities never. Over a split vocabulary it
// comes apart into a maximum, a sum and a pick, each reduced over the ranks.
import { apply, attribute, constant, index, input, named } from "../ir/kernel.js";
import { isFloat } from "../ir/tensor-type.js";
import { constantLike, emitIota } from "./creation.js";
import { equal, mul, select } from "./elementwise-binary.js";
import { arithmetic, not } from "./elementwise-unary.js";
import { dimLetters } from "./factors.js";
import { cast } from "./layout.js";
import { type Op, OperandError } from "./op.js";
import { emitOne, fillArray, ofAnyRank, perElement, plain } from "./record.js";
import { logsumexp, spread, sum } from "./reductions.js";

export interface CrossEntropyAttributes {
  readonly ignoreIndex: number;
  /** The class of this rank's first column. */
  readonly start: number;
}

/** Letters of the dims before the classes. */
const rowLetters = ({ length }: readonly number[]): readonly string[] => dimLetters(length - 1);

const checkTypes = (logits: string | undefined, targets: string | undefined): void => {
  if (!isFloat(logits as "f32") || targets !== "i32")
    throw new OperandError(`cross-entropy takes float logits and i32 targets, not ${logits} and ${targets}`);
};

/** loss = lse - logits[target], 0 where the target is ignored; lse = log sum exp(logits). */
export const crossEntropy: Op<CrossEntropyAttributes> = {
  ...plain,
  ...ofAnyRank,
  name: "crossEntropy",
  factors: ([logits]) => {
    const rows = rowLetters(logits!).join("");
    return `${rows}[v],${rows}->${rows},${rows}`;
  },
  dtypes: ([logits, targets]) => {
    checkTypes(logits, targets);
    return ["f32", "f32"];
  },
  indices: [1],
  localize: () => [{ path: "start", letter: "v", take: "start" }],
  apart:
    () =>
    (g, [logits, targets], { ignoreIndex }) => {
      const c = arithmetic(g);
      const { shape, dtype } = logits!.type;
      const classes = shape.length - 1;
      const [lse] = g.emit(logsumexp, [logits!], { dim: classes });
      const numbers = emitIota(g, { shape, dtype: "i32", dim: classes, start: 0, step: 1 });
      const hit = c.apply(equal, numbers, spread(g, targets!, shape, [classes]));
      const own = emitOne(g, select, [hit, logits!, constantLike(g, logits!, 0)], {});
      const picked = emitOne(g, sum, [own], { dims: [classes] });
      const counted = c.apply(not, c.apply(equal, targets!, c.number(targets!, ignoreIndex)));
      const loss = emitOne(g, mul, [c.minus(lse!, picked), emitOne(g, cast, [counted], { dtype })], {});
      return [loss, lse!];
    },
  gradient: (g, [loss, lseGradient], [logits, targets], [, lse], attrs) => {
    if (lseGradient) throw new Error("cross-entropy's normaliser is for its gradient alone");
    return [loss ? emitOne(g, crossEntropyGradient, [loss, logits!, targets!, lse!], attrs) : null, null];
  },
  precision: "full",
  cost: perElement(14),
  reference: ([logits, targets], { ignoreIndex, start }) => {
    const size = logits!.shape.at(-1)!;
    const lse = fillArray(targets!.shape, (n) => {
      const row = logits!.data.subarray(n * size, (n + 1) * size);
      const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
      return top + Math.log(row.reduce((total, x) => total + Math.exp(x - top), 0));
    });
    const loss = fillArray(targets!.shape, (n) => {
      const target = targets!.data[n]!;
      if (target === ignoreIndex) return 0;
      const place = target - start;
      return lse.data[n]! - (place >= 0 && place < size ? logits!.data[n * size + place]! : 0);
    });
    return [loss, lse];
  },
  lower: ([logits], __, { ignoreIndex }) => {
    const hit = apply("equal", apply("add", index("v"), attribute("start")), input(1));
    const counted = apply("equal", input(1), constant(ignoreIndex));
    return {
      kind: "loops",
      body: {
        outer: rowLetters(logits!.shape),
        inner: ["v"],
        passes: [
          { kind: "reduce", name: "largest", by: "max", of: input(0) },
          { kind: "reduce", name: "total", by: "sum", of: apply("exp", apply("sub", input(0), named("largest"))) },
          { kind: "reduce", name: "picked", by: "sum", of: apply("select", hit, input(0), constant(0)) },
          { kind: "let", name: "lse", value: apply("add", named("largest"), apply("log", named("total"))) },
          {
            kind: "store",
            output: 0,
            over: "outer",
            value: apply("select", counted, constant(0), apply("sub", named("lse"), named("picked"))),
          },
          { kind: "store", output: 1, over: "outer", value: named("lse") },
        ],
      },
    };
  },
  samples: [
    {
      shapes: [
        [2, 3, 5],
        [2, 3],
      ],
      attrs: { ignoreIndex: 2, start: 0 },
      below: { 1: 5 },
    },
    { shapes: [[4, 5], [4]], attrs: { ignoreIndex: -100, start: 0 }, below: { 1: 5 } },
    { shapes: [[4, 5], [4]], attrs: { ignoreIndex: 2, start: 0 }, below: { 1: 5 } },
  ],
};

/** dlogits = g (exp(logits - lse) - [class = target]), 0 where the target is ignored. */
export const crossEntropyGradient: Op<CrossEntropyAttributes> = {
  ...plain,
  name: "crossEntropyGradient",
  factors: ([rows]) => {
    const letters = dimLetters(rows!.length).join("");
    return `${letters},${letters}v,${letters},${letters}->${letters}v`;
  },
  dtypes: ([, logits, targets]) => {
    checkTypes(logits, targets);
    return [logits!];
  },
  linear: () => [[0]],
  indices: [2],
  localize: () => [{ path: "start", letter: "v", take: "start" }],
  gradient: (_, [outer]) => {
    if (outer) throw new OperandError("second derivatives through cross-entropy are not supported");
    return [null, null, null, null];
  },
  precision: "full",
  cost: perElement(14),
  reference: ([outer, logits, targets, lse], { ignoreIndex, start }) => {
    const size = logits!.shape.at(-1)!;
    return [
      fillArray(logits!.shape, (i) => {
        const n = Math.floor(i / size);
        const target = targets!.data[n]!;
        if (target === ignoreIndex) return 0;
        const share = Math.exp(logits!.data[i]! - lse!.data[n]!);
        return outer!.data[n]! * (share - (target - start === i % size ? 1 : 0));
      }),
    ];
  },
  lower: ([rows], __, { ignoreIndex }) => {
    const share = apply("exp", apply("sub", input(1), input(3)));
    const hit = apply("equal", apply("add", index("v"), attribute("start")), input(2));
    const value = apply("mul", input(0), apply("sub", share, apply("select", hit, constant(1), constant(0))));
    const ignored = apply("equal", input(2), constant(ignoreIndex));
    return {
      kind: "loops",
      body: {
        outer: [...dimLetters(rows!.shape.length), "v"],
        inner: [],
        passes: [{ kind: "store", output: 0, over: "outer", value: apply("select", ignored, constant(0), value) }],
      },
    };
  },
  samples: [
    {
      shapes: [
        [2, 3],
        [2, 3, 5],
        [2, 3],
        [2, 3],
      ],
      attrs: { ignoreIndex: 1, start: 0 },
      below: { 2: 5 },
    },
    { shapes: [[4], [4, 5], [4], [4]], attrs: { ignoreIndex: -100, start: 0 }, below: { 2: 5 } },
    { shapes: [[4], [4, 5], [4], [4]], attrs: { ignoreIndex: 1, start: 0 }, below: { 2: 5 } },
  ],
};
