// Sums of products by letters: every matrix product. Letters of both operands and the result are the batch, letters of
// both that the result lacks are summed.
import { type DType, isFloat } from "../ir/tensor-type.js";
import { freshLetters, parseFactors, type Term, withLetters } from "./factors.js";
import { type Op, OperandError } from "./op.js";
import { bytesOf, emitOne, plain } from "./record.js";

export interface ContractAttributes {
  readonly factors: string;
  /** The type of the result, where it is not that of the operands: sums are float32 inside. */
  readonly output?: DType;
}

interface Groups {
  readonly batch: readonly string[];
  readonly m: readonly string[];
  readonly n: readonly string[];
  readonly k: readonly string[];
}

const flat = (term: Term): readonly string[] => term.flat();

/** The roles of the letters. Throws an `OperandError` on a letter of one operand alone that the result lacks. */
function groupsOf(factors: string): Groups {
  const { inputs, outputs } = parseFactors(factors);
  const [a, b] = [flat(inputs[0]!), flat(inputs[1]!)];
  const out = flat(outputs[0]!);
  const groups = {
    batch: out.filter((letter) => a.includes(letter) && b.includes(letter)),
    m: out.filter((letter) => a.includes(letter) && !b.includes(letter)),
    n: out.filter((letter) => b.includes(letter) && !a.includes(letter)),
    k: a.filter((letter) => b.includes(letter) && !out.includes(letter)),
  };
  const known = new Set([...groups.batch, ...groups.m, ...groups.n, ...groups.k]);
  for (const letter of [...a, ...b, ...out])
    if (!known.has(letter)) throw new OperandError(`contract "${factors}" cannot place letter ${letter}`);
  return groups;
}

export const contract: Op<ContractAttributes> = {
  ...plain,
  name: "contract",
  factors: (_, { factors }) => factors,
  unmerge: (attrs, letter, sizes) => ({
    ...attrs,
    factors: withLetters(attrs.factors, letter, freshLetters(attrs.factors, sizes.length)),
  }),
  dtypes: ([a, b], { output }) => {
    if (a !== b || !isFloat(a!)) throw new OperandError(`a product takes floats of one type, not ${a} and ${b}`);
    return [output ?? a!];
  },
  check: (_, { factors }) => void groupsOf(factors),
  widen: (attrs, output) => ({ ...attrs, output }),
  linear: () => [[0], [1]],
  rounds: () => true,
  // Zero in one factor would do but for padding that is not finite.
  neutral: () => [
    { input: 0, fill: 0 },
    { input: 1, fill: 0 },
  ],
  gradient: (g, [outer], [a, b], _, { factors }) => {
    if (!outer) return [null, null];
    const [ins, out] = factors.split("->");
    const [termA, termB] = ins!.split(",");
    return [
      emitOne(g, contract, [outer, b!], { factors: `${out},${termB}->${termA}` }),
      emitOne(g, contract, [a!, outer], { factors: `${termA},${out}->${termB}` }),
    ];
  },
  precision: "compute",
  cost: (inputs, outputs, { factors }) => {
    const { inputs: terms, outputs: results } = parseFactors(factors);
    const sizes = new Map<string, number>();
    terms.forEach((term, i) => term.forEach(([letter], d) => sizes.set(letter!, inputs[i]!.shape[d]!)));
    const letters = new Set([...terms.flat(2), ...results.flat(2)]);
    const volume = [...letters].reduce((n, letter) => n * sizes.get(letter)!, 1);
    return { flops: 2 * volume, bytes: bytesOf(inputs) + bytesOf(outputs) };
  },
  reference: ([a, b], { factors }) => {
    const { inputs, outputs } = parseFactors(factors);
    const { batch, m, n, k } = groupsOf(factors);
    const sizes = new Map<string, number>();
    [a!, b!].forEach(({ shape }, i) => flat(inputs[i]!).forEach((letter, d) => sizes.set(letter, shape[d]!)));
    const shape = flat(outputs[0]!).map((letter) => sizes.get(letter)!);
    const places = (letters: readonly string[], term: Term): Int32Array => {
      const order = flat(term);
      let list = [0];
      for (const letter of letters) {
        const at = order.indexOf(letter);
        const stride = at < 0 ? 0 : order.slice(at + 1).reduce((s, other) => s * sizes.get(other)!, 1);
        const size = sizes.get(letter)!;
        list = list.flatMap((start) => Array.from({ length: size }, (_unused, i) => start + i * stride));
      }
      return Int32Array.from(list);
    };
    const [ka, kb] = [places(k, inputs[0]!), places(k, inputs[1]!)];
    const [ma, mo] = [places(m, inputs[0]!), places(m, outputs[0]!)];
    const [nb, no] = [places(n, inputs[1]!), places(n, outputs[0]!)];
    const [ba, bb, bo] = [places(batch, inputs[0]!), places(batch, inputs[1]!), places(batch, outputs[0]!)];
    const data = new Float64Array(shape.reduce((x, y) => x * y, 1));
    for (let s = 0; s < bo.length; s++)
      for (let i = 0; i < ma.length; i++)
        for (let j = 0; j < nb.length; j++) {
          const [startA, startB] = [ba[s]! + ma[i]!, bb[s]! + nb[j]!];
          let total = 0;
          for (let l = 0; l < ka.length; l++) total += a!.data[startA + ka[l]!]! * b!.data[startB + kb[l]!]!;
          data[bo[s]! + mo[i]! + no[j]!] = total;
        }
    return [{ shape, data }];
  },
  lower: (inputs, outputs, { factors }) => {
    const { batch, m, n, k } = groupsOf(factors);
    return {
      kind: "call",
      call: {
        symbol: "matmul",
        groups: { batch, m, n, k },
        operands: [
          { name: "a", role: "input", index: 0, groups: ["batch", "m", "k"], unit: ["m", "k"] },
          { name: "b", role: "input", index: 1, groups: ["batch", "k", "n"], unit: ["k", "n"] },
          { name: "c", role: "output", index: 0, groups: ["batch", "m", "n"], unit: ["m", "n"] },
        ],
        options: { inputs: inputs[0]!.dtype, output: outputs[0]!.dtype },
        workspace: 0,
      },
    };
  },
  samples: [
    {
      shapes: [
        [3, 4],
        [4, 5],
      ],
      attrs: { factors: "mk,kn->mn" },
    },
    {
      shapes: [
        [2, 3, 4],
        [5, 4],
      ],
      attrs: { factors: "bmk,nk->bmn" },
    },
    {
      shapes: [
        [2, 3, 4],
        [2, 4, 5],
      ],
      attrs: { factors: "bmk,bkn->bmn" },
    },
  ],
};
