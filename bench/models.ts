// The models of the benchmark, their sizes, and the least work that one training step of each is.

export interface Model {
  readonly name: string;
  readonly vocabulary: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly positions: number;
  readonly sequence: number;
  readonly batch: number;
}
export type Precision = "f32" | "bf16";

export const gpt2: Model = {
  name: "GPT-2 124M",
  vocabulary: 50257,
  hidden: 768,
  layers: 12,
  heads: 12,
  positions: 1024,
  sequence: 256,
  batch: 4,
};
export const character: Model = {
  name: "character GPT",
  vocabulary: 256,
  hidden: 128,
  layers: 4,
  heads: 4,
  positions: 64,
  sequence: 64,
  batch: 12,
};

export const tokensPerStep = ({ batch, sequence }: Model): number => batch * sequence;

/** Tied embeddings counted once. */
export function numParameters({ vocabulary, hidden, layers, positions }: Model): number {
  const block = 4 * (hidden * hidden + hidden) + 8 * hidden * hidden + 5 * hidden + 4 * hidden;
  return (vocabulary + positions) * hidden + layers * block + 2 * hidden;
}

/** Matrix products: `count` of `[m, k] x [k, n]`, `batch` of them at a time. */
export interface Product {
  readonly batch: number;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly storage: "forward" | "input-gradient" | "weight-gradient";
  readonly count: number;
}

/** Every matrix product of a step. The last place of a sequence needs no logits. */
export function productsOf(model: Model): readonly Product[] {
  const { hidden, layers, batch, sequence, vocabulary, heads } = model;
  const rows = tokensPerStep(model);
  const linear = (m: number, k: number, n: number, count: number): Product[] => [
    { batch: 1, m, k, n, storage: "forward", count },
    { batch: 1, m, k: n, n: k, storage: "input-gradient", count },
    { batch: 1, m: n, k: m, n: k, storage: "weight-gradient", count },
  ];
  const headDim = hidden / heads;
  // Scores and mixing, forward; scores again, and the gradients of values, probabilities, queries and keys: seven products,
  // of which a causal mask leaves half.
  const attention: Product[] = [
    { batch: batch * heads, m: sequence, k: headDim, n: sequence, storage: "forward", count: (layers * 4) / 2 },
    { batch: batch * heads, m: sequence, k: sequence, n: headDim, storage: "input-gradient", count: (layers * 3) / 2 },
  ];
  return [
    ...linear(rows, hidden, hidden, 4 * layers),
    ...linear(rows, hidden, 4 * hidden, layers),
    ...linear(rows, 4 * hidden, hidden, layers),
    ...linear(batch * (sequence - 1), hidden, vocabulary, 1),
    ...attention,
  ];
}

/**
 * Bytes that a step must move besides what its products read and write: elementwise work reads and writes every activation
 * once, and one pass over the parameters updates them (gradient, weight and two moments read, three written) after one that
 * reads the gradients for their norm.
 */
export function streamedBytes(model: Model, precision: Precision): number {
  const { hidden, layers, vocabulary, batch, sequence } = model;
  const size = precision === "bf16" ? 2 : 4;
  // Per token and layer, in units of the hidden size. Forward: twice residual and norm (read both, write both), GELU at
  // four times the width (read, write). Backward: GELU (read two, write one), twice norm and residual (read three, write one).
  const perLayer = 2 * 4 + 4 * 2 + 4 * 3 + 2 * 4;
  const layersBytes = tokensPerStep(model) * layers * perLayer * hidden * size;
  // The loss reads the logits and writes their gradient.
  const lossBytes = 2 * batch * (sequence - 1) * vocabulary * size;
  const updateBytes = (1 + 4 + 3) * 4 * numParameters(model) + (precision === "bf16" ? 2 * numParameters(model) : 0);
  return layersBytes + lossBytes + updateBytes;
}
