// Functions and layers of the language compared with formulas written down independently, in plain loops. Long: one
// formula for each function.
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/ir/nd.js";
import { functionsOf, nd, type Operand, wavy } from "./trace-function.js";

const run = functionsOf("layers.ts");
const one = (name: string, ...operands: readonly Operand[]): NdArray => run(name, ...operands)[0]!;

/** An array of a shape, element by element. */
function make(shape: readonly number[], element: (...at: number[]) => number): NdArray {
  const size = shape.reduce((n, each) => n * each, 1);
  const data = Float64Array.from({ length: size }, (_, i) => {
    let rest = i;
    const at = [...shape].reverse().map((each) => {
      const place = rest % each;
      rest = Math.floor(rest / each);
      return place;
    });
    return element(...at.reverse());
  });
  return { shape, data };
}
const at = ({ shape, data }: NdArray, ...place: number[]): number =>
  data[place.reduce((offset, p, d) => offset * shape[d]! + p, 0)]!;
const sum = (n: number, term: (i: number) => number): number =>
  Array.from({ length: n }, (_, i) => term(i)).reduce((a, b) => a + b, 0);

/** Both are float64; only the order of sums differs. */
function expectClose(got: NdArray, want: NdArray): void {
  expect(got.shape).toEqual(want.shape);
  want.data.forEach((value, i) => {
    if (!(Math.abs(got.data[i]! - value) <= 1e-9 * Math.max(1, Math.abs(value))))
      expect.fail(`place ${i}: ${got.data[i]} is not ${value}`);
  });
}

describe("linear maps and lookups", () => {
  it("linear", () => {
    const [x, w, b] = [wavy([2, 3, 4]), wavy([5, 4], 2), wavy([5], 3)];
    expectClose(
      one("linear", x, w, b),
      make([2, 3, 5], (i, j, o) => sum(4, (k) => at(x, i, j, k) * at(w, o, k)) + at(b, o)),
    );
  });
  it("embedding", () => {
    const [index, w] = [
      nd(
        [
          [1, 3],
          [0, 1],
        ],
        "i32",
      ),
      wavy([4, 3]),
    ];
    expectClose(
      one("embedding", index, w),
      make([2, 2, 3], (i, j, d) => at(w, at(index, i, j), d)),
    );
  });
  it("products", () => {
    const [a, b] = [wavy([2, 3, 4]), wavy([2, 4, 2], 5)];
    const product = make([2, 3, 2], (n, i, j) => sum(4, (k) => at(a, n, i, k) * at(b, n, k, j)));
    const [matmul, einsum, summed, vector, cosine, unit] = run("products", a, b) as [
      NdArray,
      NdArray,
      NdArray,
      NdArray,
      NdArray,
      NdArray,
    ];
    expectClose(matmul, product);
    expectClose(einsum, product);
    expectClose(
      summed,
      make([4, 3], (j, i) => at(a, 0, i, j) + at(a, 1, i, j)),
    );
    expectClose(
      vector,
      make([3], (i) => sum(4, (k) => at(a, 0, i, k) * at(b, 1, k, 0))),
    );
    expectClose(
      cosine,
      make([2, 3], () => 1),
    );
    const norm = (n: number, i: number): number => Math.sqrt(sum(4, (k) => at(a, n, i, k) ** 2));
    expectClose(
      unit,
      make([2, 3, 4], (n, i, k) => at(a, n, i, k) / norm(n, i)),
    );
  });
});

describe("normalisations", () => {
  const [x, w, b] = [wavy([2, 3, 4]), wavy([4], 2), wavy([4], 3)];
  const normal = (values: readonly number[], eps: number): readonly number[] => {
    const mean = values.reduce((p, q) => p + q, 0) / values.length;
    const variance = values.reduce((p, q) => p + (q - mean) ** 2, 0) / values.length;
    return values.map((value) => (value - mean) / Math.sqrt(variance + eps));
  };
  const row = (i: number, j: number): readonly number[] => [0, 1, 2, 3].map((k) => at(x, i, j, k));
  it("layerNorm", () => {
    expectClose(
      one("layerNorm", x, w, b),
      make([2, 3, 4], (i, j, k) => normal(row(i, j), 1e-5)[k]! * at(w, k) + at(b, k)),
    );
    const all = (i: number): readonly number[] =>
      normal(
        [0, 1, 2].flatMap((j) => row(i, j)),
        1e-3,
      );
    expectClose(
      one("layerNormOfTwoDims", x),
      make([2, 3, 4], (i, j, k) => all(i)[j * 4 + k]!),
    );
  });
  it("rmsNorm", () => {
    const rms = (i: number, j: number): number => Math.sqrt(sum(4, (k) => at(x, i, j, k) ** 2) / 4 + 1e-6);
    expectClose(
      one("rmsNorm", x, w),
      make([2, 3, 4], (i, j, k) => (at(x, i, j, k) / rms(i, j)) * at(w, k)),
    );
  });
  it("groupNorm", () => {
    const pictures = wavy([2, 4, 3, 2]);
    const group = (n: number, c: number): readonly number[] => {
      const first = c < 2 ? 0 : 2;
      return [0, 1].flatMap((k) => [0, 1, 2].flatMap((i) => [0, 1].map((j) => at(pictures, n, first + k, i, j))));
    };
    const want = make(
      [2, 4, 3, 2],
      (n, c, i, j) => normal(group(n, c), 1e-5)[(c % 2) * 6 + i * 2 + j]! * at(w, c) + at(b, c),
    );
    expectClose(one("groupNorm", pictures, w, b), want);
  });
  it("batchNorm in training and after it", () => {
    const pictures = wavy([3, 2, 2, 2]);
    const places = [0, 1, 2].flatMap((n) => [0, 1].flatMap((i) => [0, 1].map((j) => [n, i, j] as const)));
    const channel = (c: number): readonly number[] => places.map(([n, i, j]) => at(pictures, n, c, i, j));
    const mean = (c: number): number => channel(c).reduce((p, q) => p + q, 0) / 12;
    const variance = (c: number): number => channel(c).reduce((p, q) => p + (q - mean(c)) ** 2, 0) / 12;
    const [trained, runningMean, runningVar, evaluated] = run("batchNorm", pictures) as [
      NdArray,
      NdArray,
      NdArray,
      NdArray,
    ];
    const scaled = (n: number, c: number, i: number, j: number, m: number, v: number): number =>
      (at(pictures, n, c, i, j) - m) / Math.sqrt(v + 1e-5);
    expectClose(
      trained,
      make([3, 2, 2, 2], (n, c, i, j) => scaled(n, c, i, j, mean(c), variance(c))),
    );
    const [m, v] = [(c: number) => 0.1 * mean(c), (c: number) => 0.9 + 0.1 * variance(c) * (12 / 11)];
    expectClose(runningMean, make([2], m));
    expectClose(runningVar, make([2], v));
    expectClose(
      evaluated,
      make([3, 2, 2, 2], (n, c, i, j) => scaled(n, c, i, j, m(c), v(c))),
    );
  });
});

describe("softmax and losses", () => {
  const logits = wavy([4, 3]);
  const targets = nd([2, 0, 1, 0], "i32");
  const logProbability = (x: NdArray, i: number, c: number): number =>
    at(x, i, c) - Math.log(sum(x.shape[1]!, (k) => Math.exp(at(x, i, k))));
  it("softmax, logSoftmax", () => {
    expectClose(
      one("softmax", logits),
      make([4, 3], (i, c) => Math.exp(logProbability(logits, i, c))),
    );
    const along = (c: number): number => Math.log(sum(4, (k) => Math.exp(at(logits, k, c))));
    expectClose(
      one("logSoftmax", logits),
      make([4, 3], (i, c) => at(logits, i, c) - along(c)),
    );
  });
  it("crossEntropy and nllLoss", () => {
    const mean = nd(sum(4, (i) => -logProbability(logits, i, at(targets, i))) / 4);
    expectClose(one("crossEntropy", logits, targets), mean);
    expectClose(one("nll", logits, targets), mean);
  });
  it("crossEntropy with ignored rows and smoothing", () => {
    const rows = [0, 2];
    const loss = (i: number): number =>
      -0.9 * logProbability(logits, i, at(targets, i)) - (0.1 / 3) * sum(3, (c) => logProbability(logits, i, c));
    expectClose(one("crossEntropyIgnoring", logits, targets), nd(rows.reduce((total, i) => total + loss(i), 0) / 2));
  });
  it("crossEntropy of pictures", () => {
    const [x, y] = [
      wavy([2, 3, 2, 2]),
      nd(
        [
          [
            [0, 1],
            [2, 0],
          ],
          [
            [1, 1],
            [0, 2],
          ],
        ],
        "i32",
      ),
    ];
    const want = make([2, 2, 2], (n, i, j) => {
      const total = Math.log(sum(3, (c) => Math.exp(at(x, n, c, i, j))));
      return total - at(x, n, at(y, n, i, j), i, j);
    });
    expectClose(one("crossEntropyOfPictures", x, y), want);
  });
  it("other losses", () => {
    const [a, b] = [wavy([2, 3]), wavy([2, 3], 4)];
    const pairs = [...a.data].map((x, i) => [x, b.data[i]!] as const);
    const total = (term: (x: number, y: number) => number): number => pairs.reduce((n, [x, y]) => n + term(x, y), 0);
    const [mse, l1, smooth, binary, kl] = run("losses", a, b) as [NdArray, NdArray, NdArray, NdArray, NdArray];
    expectClose(mse, nd(total((x, y) => (x - y) ** 2) / 6));
    expectClose(l1, nd(total((x, y) => Math.abs(x - y))));
    const huber = (d: number): number => (d < 0.3 ? d ** 2 / 0.6 : d - 0.15);
    expectClose(smooth, nd(total((x, y) => huber(Math.abs(x - y))) / 6));
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    const entropy = (x: number, t: number): number => -t * Math.log(sigmoid(x)) - (1 - t) * Math.log(1 - sigmoid(x));
    expectClose(binary, nd(total((x, y) => entropy(x, sigmoid(y))) / 6));
    const divergence = sum(2, (i) =>
      sum(3, (c) => {
        const [p, q] = [logProbability(b, i, c), logProbability(a, i, c)];
        return Math.exp(p) * (p - q);
      }),
    );
    expectClose(kl, nd(divergence));
  });
});

describe("attention", () => {
  const [q, k, v] = [wavy([2, 4, 3, 2]), wavy([2, 2, 3, 2], 2), wavy([2, 2, 3, 2], 3)];
  const attend = (k: NdArray, v: NdArray, scale: number, sees: (t: number, s: number) => boolean): NdArray => {
    const share = 4 / k.shape[1]!;
    return make([2, 4, 3, 2], (b, h, t, d) => {
      const g = Math.floor(h / share);
      const weight = (s: number): number =>
        sees(t, s) ? Math.exp(scale * sum(2, (e) => at(q, b, h, t, e) * at(k, b, g, s, e))) : 0;
      return sum(3, (s) => weight(s) * at(v, b, g, s, d)) / sum(3, weight);
    });
  };
  it("causal, with heads that share keys", () => {
    expectClose(
      one("attention", q, k, v),
      attend(k, v, 1 / Math.sqrt(2), (t, s) => s <= t),
    );
  });
  it("in both directions", () => {
    expectClose(
      one("attentionBothWays", q, k, v),
      attend(k, v, 1 / Math.sqrt(2), () => true),
    );
  });
  it("with a mask and a scale", () => {
    expectClose(
      one("attentionMasked", q, k, v),
      attend(k, v, 0.5, (t, s) => s <= t),
    );
  });
  it("rotary positions", () => {
    const x = wavy([1, 2, 3, 4]);
    const want = make([1, 2, 3, 4], (b, h, t, d) => {
      const angle = (t + 2) * 100 ** (-(d % 2) / 2);
      const other = d < 2 ? -at(x, b, h, t, d + 2) : at(x, b, h, t, d - 2);
      return at(x, b, h, t, d) * Math.cos(angle) + other * Math.sin(angle);
    });
    expectClose(one("rotary", x), want);
  });
});

describe("pictures", () => {
  const inside = (x: NdArray, n: number, c: number, i: number, j: number, fill = 0): number =>
    i < 0 || j < 0 || i >= x.shape[2]! || j >= x.shape[3]! ? fill : at(x, n, c, i, j);
  it("conv2d", () => {
    const [x, w, b] = [wavy([2, 3, 5, 6]), wavy([4, 3, 3, 2], 2), wavy([4], 3)];
    const want = make(
      [2, 4, 3, 4],
      (n, o, y, z) =>
        at(b, o) +
        sum(3, (c) => sum(3, (i) => sum(2, (j) => at(w, o, c, i, j) * inside(x, n, c, y * 2 - 1 + i, z + 2 * j)))),
    );
    expectClose(one("conv2d", x, w, b), want);
  });
  it("conv2d in groups, conv1d", () => {
    const [x, w] = [wavy([1, 4, 3, 3]), wavy([6, 2, 3, 3], 2)];
    const want = make([1, 6, 3, 3], (n, o, y, z) => {
      const first = o < 3 ? 0 : 2;
      return sum(2, (c) =>
        sum(3, (i) => sum(3, (j) => at(w, o, c, i, j) * inside(x, n, first + c, y - 1 + i, z - 1 + j))),
      );
    });
    expectClose(one("conv2dInGroups", x, w), want);
    const [line, kernel] = [wavy([2, 2, 6]), wavy([3, 2, 3], 2)];
    const value = (n: number, c: number, i: number): number => (i < 0 || i >= 6 ? 0 : at(line, n, c, i));
    expectClose(
      one("conv1d", line, kernel),
      make([2, 3, 3], (n, o, y) => sum(2, (c) => sum(3, (i) => at(kernel, o, c, i) * value(n, c, y * 2 - 1 + i)))),
    );
  });
  it("convTranspose2d", () => {
    const [x, w] = [wavy([1, 2, 3, 3]), wavy([2, 3, 3, 3], 2)];
    const want = make([1, 3, 5, 5], (n, o, y, z) =>
      sum(2, (c) =>
        sum(3, (a) =>
          sum(3, (b) => {
            const [i, j] = [y + 1 - 2 * a, z + 1 - 2 * b];
            return i < 0 || j < 0 || i > 2 || j > 2 ? 0 : at(x, n, c, a, b) * at(w, c, o, i, j);
          }),
        ),
      ),
    );
    expectClose(one("convTranspose2d", x, w), want);
  });
  it("pools and enlargement", () => {
    const x = wavy([1, 2, 4, 6]);
    const window = (values: readonly number[]): number => Math.max(...values);
    expectClose(
      one("maxPool2d", x),
      make([1, 2, 5, 7], (n, c, y, z) =>
        window([0, 1].flatMap((i) => [0, 1].map((j) => inside(x, n, c, y - 1 + i, z - 1 + j, -Infinity)))),
      ),
    );
    expectClose(
      one("avgPool2d", x),
      make([1, 2, 2, 2], (n, c, y, z) => sum(2, (i) => sum(3, (j) => at(x, n, c, y * 2 + i, z * 3 + j))) / 6),
    );
    expectClose(
      one("adaptiveAvgPool2d", x),
      make([1, 2, 2, 1], (n, c, y) => sum(2, (i) => sum(6, (j) => at(x, n, c, y * 2 + i, j))) / 12),
    );
    expectClose(
      one("enlarge", x),
      make([1, 2, 8, 12], (n, c, y, z) => at(x, n, c, y >> 1, z >> 1)),
    );
  });
});

describe("elementwise, reductions, layouts", () => {
  it("activations", () => {
    const x = wavy([3, 4]);
    // The error function by its series: elements are in [-1, 1].
    const erf = (t: number): number => {
      let [term, total] = [t, t];
      for (let n = 1; n < 40; n++) {
        term *= -(t * t) / n;
        total += term / (2 * n + 1);
      }
      return (2 / Math.sqrt(Math.PI)) * total;
    };
    const formulas: readonly ((x: number) => number)[] = [
      (t) => Math.max(t, 0),
      (t) => (t / 2) * (1 + erf(t / Math.SQRT2)),
      (t) => (t / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (t + 0.044715 * t ** 3))),
      (t) => t / (1 + Math.exp(-t)),
      (t) => Math.log(1 + Math.exp(2 * t)) / 2,
      (t) => (t > 0 ? t : 0.01 * t),
      (t) => (t > 0 ? t : 0.5 * (Math.exp(t) - 1)),
      (t) => Math.min(Math.max(10 * t, 0), 6),
      (t) => -Math.log(1 + Math.exp(-t)),
      Math.tanh,
      (t) => 1 / (1 + Math.exp(-t)),
    ];
    const got = run("activations", x);
    expect(got.length).toBe(formulas.length);
    formulas.forEach((formula, i) =>
      expectClose(
        got[i]!,
        make([3, 4], (a, b) => formula(at(x, a, b))),
      ),
    );
  });
  it("reductions", () => {
    const x = wavy([2, 3, 4]);
    const mean = (n: number, of: (i: number) => number): number => sum(n, of) / n;
    const variance = (n: number, of: (i: number) => number, divisor: number): number =>
      sum(n, (i) => (of(i) - mean(n, of)) ** 2) / divisor;
    const rowOf = (i: number, j: number): readonly number[] => [0, 1, 2, 3].map((k) => at(x, i, j, k));
    const wants = [
      make([3, 4], (j, k) => at(x, 0, j, k) + at(x, 1, j, k)),
      make([1, 3, 1], (_, j) => (sum(4, (k) => at(x, 0, j, k)) + sum(4, (k) => at(x, 1, j, k))) / 8),
      make([2, 4], (i, k) => variance(3, (j) => at(x, i, j, k), 2)),
      make([2, 3], (i, j) => Math.sqrt(variance(4, (k) => at(x, i, j, k), 4))),
      make([2, 4], (i, k) => Math.max(at(x, i, 0, k), at(x, i, 1, k), at(x, i, 2, k))),
      nd(Math.min(...x.data)),
      make([2, 3], (i, j) => Math.hypot(...rowOf(i, j))),
      make([2, 4], (i, k) => Math.log(sum(3, (j) => Math.exp(at(x, i, j, k))))),
      make([2, 3], (i, j) => rowOf(i, j).indexOf(Math.max(...rowOf(i, j)))),
    ];
    run("reductions", x).forEach((got, i) => expectClose(got, wants[i]!));
  });
  it("layouts", () => {
    const x = wavy([2, 3, 4]);
    const wants = [
      make([2, 12], (i, j) => at(x, i, Math.floor(j / 4), j % 4)),
      make([4, 3, 2], (k, j, i) => at(x, i, j, k)),
      make([3, 4, 2], (j, k, i) => at(x, i, j, k)),
      make([2, 2, 3, 4], (i, _, j, k) => at(x, i, j, k)),
      make([2, 1, 4], (i, _, k) => at(x, i, 1, k)),
      make([2, 3], (i, j) => at(x, i, j, 2)),
      make([2, 2, 4], (i, j, k) => at(x, i, j, k)),
      make([2, 1, 4], (i, _, k) => at(x, i, 2, k)),
      make([2, 3, 1], (i, j) => at(x, i, j, 0)),
      make([2, 3, 3], (i, j, k) => at(x, i, j, k + 1)),
      make([4, 3, 4], (i, j, k) => at(x, i >> 1, j, k)),
      make([4, 3, 4], (i, j, k) => at(x, i % 2, j, k)),
      make([2, 5, 5], (i, j, k) => (j > 2 || k < 1 ? 9 : at(x, i, j, k - 1))),
      make([2, 3, 8], (i, j, k) => (k < 4 ? at(x, i, j, k) : -at(x, i, j, k - 4))),
      make([2, 2, 3, 4], (i, n, j, k) => at(x, i, j, k) * (n + 1)),
      make([2, 4, 3], (i, j, k) => at(x, i, Math.floor((j * 3 + k) / 4), (j * 3 + k) % 4)),
    ];
    const got = run("layouts", x);
    expect(got.length).toBe(wants.length);
    got.forEach((each, i) => expectClose(each, wants[i]!));
  });
  it("creations", () => {
    const wants = [
      nd([2, 5, 8]),
      nd([0, 0.25, 0.5, 0.75, 1]),
      nd([
        [1, 0],
        [0, 1],
      ]),
      make([3, 3], (i, j) => (j <= i ? 1 : 0)),
      make([2, 3], (i, j) => (j > i ? 1 : 0)),
    ];
    run("creations").forEach((got, i) => expectClose(got, wants[i]!));
  });
  it("picks", () => {
    const [x, index] = [
      wavy([2, 4]),
      nd(
        [
          [3, 0],
          [1, 1],
        ],
        "i32",
      ),
    ];
    const each = (f: (t: number) => number): NdArray => make([2, 4], (i, j) => f(at(x, i, j)));
    const wants = [
      make([2, 2], (i, j) => at(x, i, at(index, i, j))),
      each((t) => (t > 0 ? t : -1)),
      each((t) => Math.max(t, 0)),
      each((t) => Math.min(Math.max(t, -0.5), 0.5)),
      make([2, 2, 4], (i, j, c) => (at(index, i, j) === c ? 1 : 0)),
      each((t) => Math.floor(t / 0.3)),
      each((t) => t - 0.3 * Math.floor(t / 0.3)),
      each((t) => t ** 3),
      each((t) => t / 2),
      each((t) => Math.max(t, 0.1)),
    ];
    run("picks", x, index).forEach((got, i) => expectClose(got, wants[i]!));
  });
  it("buffers change in order", () => {
    const x = wavy([3, 4]);
    const want = make([4], (j) => [0, 1, 2].reduce((total, i) => Math.min(total + 2 * at(x, i, j), 1), 0));
    expectClose(one("buffers", x), want);
  });
});
