// Every letter that an axis may split is split, evenly and unevenly, with garbage in the padding: the parts put together
// are the whole. Letters that may not be split are taken apart where the record offers it, and pieces are merged.
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/ir/build.js";
import { runGraph } from "../../src/ir/interpret.js";
import { plainSpan } from "../../src/ir/local-size.js";
import { attributesWhere } from "../../src/ir/localize.js";
import type { NdArray } from "../../src/ir/nd.js";
import { piece } from "../../src/ir/nd-pieces.js";
import type { Op, Sample } from "../../src/ops/op.js";
import { ops } from "../../src/ops/table.js";
import { distance } from "../arrays.js";
import { runOnRanks } from "./run-on-ranks.js";
import { runSplit } from "./run-split.js";
import { cases, freeLetters, inputArrays, lettersOf, resized } from "./sample-inputs.js";

/** Sums in another order. */
const tolerance = 1e-12;

/** Ranks, and sizes that divide, that leave a short last part, and that leave a rank with nothing. */
const divisions = [
  { ranks: 2, size: 4, kind: "evenly" },
  { ranks: 2, size: 3, kind: "unevenly" },
  { ranks: 3, size: 6, kind: "evenly" },
  { ranks: 3, size: 5, kind: "unevenly" },
  { ranks: 3, size: 4, kind: "leaving one empty" },
  { ranks: 2, size: 1, kind: "leaving one empty" },
] as const;

describe.each(cases.filter(({ op, sample }) => freeLetters(op, sample).length > 0))("$title", ({ op, sample }) => {
  test.each(freeLetters(op, sample))("letter %s may be split", (letter) => {
    for (const { ranks, size, kind } of divisions) {
      const other = resized(op, sample, letter, size);
      if (other === null) continue;
      compare(runSplit(op, other, letter, ranks), whole(op, other), `${letter} of ${size} ${kind} over ${ranks}`);
    }
    // Its own size too, for attributes that fix it.
    for (const ranks of [2, 3])
      compare(runSplit(op, sample, letter, ranks), whole(op, sample), `${letter} over ${ranks}`);
  });
});

test("every op that divides has letters that were split evenly and unevenly over two and three ranks", () => {
  const missing: string[] = [];
  for (const op of ops.values()) {
    const done = new Set<string>();
    const wanted = new Set<string>();
    for (const sample of op.samples)
      for (const letter of freeLetters(op, sample))
        for (const { ranks, size, kind } of divisions) {
          wanted.add(`${ranks} ${kind}`);
          const own = lettersOf(op, sample).sizes.get(letter)!;
          if (resized(op, sample, letter, size) !== null || own === size) done.add(`${ranks} ${kind}`);
        }
    for (const kind of wanted) if (!done.has(kind)) missing.push(`${op.name}: ${kind}`);
  }
  expect(missing).toEqual([]);
});

const whole = (op: Op, sample: Sample<unknown>): readonly NdArray[] =>
  op.reference(inputArrays(sample, 1), sample.attrs);

function compare(found: readonly NdArray[], expected: readonly NdArray[], what: string): void {
  expect(found.length).toBe(expected.length);
  found.forEach((array, o) => {
    expect(distance(array, expected[o]!), `result ${o}: ${what}`).toBeLessThan(tolerance);
  });
}

const partible = cases.flatMap((one) =>
  [...lettersOf(one.op, one.sample).whole]
    .filter((letter) => one.op.apart(letter) !== null)
    .map((letter) => ({ ...one, letter })),
);

describe.each(partible)("$title comes apart along $letter", ({ op, sample, letter }) => {
  test.each([1, 2, 3, 4])("on %i ranks", (numRanks) => {
    const { results, collectives } = runOnRanks(op, sample, letter, numRanks);
    compare(results, whole(op, sample), `${letter} over ${numRanks}`);
    const { outputs } = lettersOf(op, sample);
    // A result that keeps the letter is gathered to be compared.
    const isKept = outputs.some((term) => term.some((dim) => dim.letter === letter || dim.inner.includes(letter)));
    const allowed = isKept ? ["all-reduce", "all-gather"] : ["all-reduce"];
    if (numRanks > 1) expect(collectives.every((what) => allowed.includes(what))).toBe(true);
  });
});

/** A causal mask counts keys from the first: pieces of keys need positions, which are not in the record. */
const isCausal = (op: Op, { attrs }: Sample<unknown>): boolean =>
  op.name.startsWith("attention") && (attrs as { readonly isCausal: boolean }).isCausal;

/** Letters for which pieces can be computed one after the other: by `merge`, or where they add up. */
const mergeable = cases.flatMap((one) => {
  const { reduced, whole: kept, inputs } = lettersOf(one.op, one.sample);
  return reduced
    .filter((letter) => !kept.has(letter) || one.op.merge(letter) !== null)
    .filter((letter) => inputs.flat().find((dim) => dim.letter === letter)!.inside === 1)
    .map((letter) => ({ ...one, letter }));
});

describe.each(mergeable.filter(({ op, sample }) => !isCausal(op, sample)))("$title", ({ op, sample, letter }) => {
  test(`pieces of letter ${letter} are merged`, () => {
    const letters = lettersOf(op, sample);
    const size = letters.sizes.get(letter)!;
    const cut = Math.ceil(size / 3);
    const pieces = [
      { start: 0, count: cut },
      { start: cut, count: size - cut },
    ].map(({ start, count }) => {
      const inputs = inputArrays(sample, 1).map((array, i) => {
        const dim = letters.inputs[i]!.findIndex((term) => term.letter === letter);
        return dim < 0 ? array : piece(array, dim, start, count, 0);
      });
      return op.reference(
        inputs,
        attributesWhere(op, sample.attrs, (each) => (each === letter ? plainSpan(start, count) : null)),
      );
    });
    const expected = whole(op, sample);
    const merged = mergePieces(op, letter, pieces as [readonly NdArray[], readonly NdArray[]]);
    letters.outputs.forEach((term, o) => {
      if (term.some((dim) => dim.letter === letter)) return;
      expect(distance(merged[o]!, expected[o]!), `result ${o}`).toBeLessThan(tolerance);
    });
  });
});

/** As the record's small graph says, or added. */
function mergePieces(
  op: Op,
  letter: string,
  pieces: readonly [readonly NdArray[], readonly NdArray[]],
): readonly NdArray[] {
  const merge = op.merge(letter);
  const [a, b] = pieces;
  if (merge === null)
    return a.map(({ shape, data }, o) => ({ shape, data: data.map((element, i) => element + b[o]!.data[i]!) }));
  const g = new GraphBuilder("merge");
  const values = pieces.map((piece, p) =>
    piece.map(({ shape }, o) => g.input({ kind: "tensor", name: `${p} ${o}` }, { shape, dtype: "f32" }, "")),
  );
  const results = merge(g, values[0]!, values[1]!);
  const graph = g.finish({ results: results.map((value, o) => ({ name: String(o), value })) });
  const ran = runGraph(graph, (source) => {
    if (source.kind !== "tensor") throw new Error("only tensors here");
    const [p, o] = source.name.split(" ").map(Number);
    return pieces[p!]![o!]!;
  });
  return results.map((_, o) => ran.results.get(String(o))!);
}
