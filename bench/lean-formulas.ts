// What the textbook says that a training step of a GPT sends and holds, for one rank of a mesh, with everything that this
// model has of scalars, norms and biases. A ring of n ranks sends (n - 1) / n of what is gathered or scattered, and twice
// that for what is reduced. U is one rank's parameters as its modules use them, A its part of the stream, K its keys and values.

export interface Shape {
  readonly batch: number;
  readonly sequence: number;
  readonly hidden: number;
  readonly layers: number;
  readonly vocabulary: number;
}
export interface Technique {
  readonly dpReplicate: number;
  readonly dpShard: number;
  readonly cp: number;
  readonly tp: number;
  readonly isLossParallel: boolean;
  readonly rotateMethod: "alltoall" | "allgather";
  readonly isCheckpointed: boolean;
  /** Units that are gathered ahead. */
  readonly prefetch: number;
}

/** Elements of one rank's parameters in use, by how they are treated. */
function parametersOf({ hidden: d, sequence, layers, vocabulary }: Shape, { tp, isCheckpointed }: Technique) {
  // Columns: q, k, v and the wide layer, with biases. Rows: their outputs, whose biases are whole, as norms are.
  const blockSplit = (12 * d * d + 7 * d) / tp;
  const blockWhole = 6 * d;
  const block = blockSplit + blockWhole;
  // Linear layers' biases are not read in backward, and norms' only where the norms' results are made again: under sequence
  // parallelism they are kept. Blocks that are computed again read all but the last bias.
  const norms = tp > 1 ? 2 * d : 4 * d;
  const readAgain = isCheckpointed ? block - d : (12 * d * d) / tp + norms;
  const rootWhole = sequence * d + 2 * d;
  const root = (vocabulary * d) / tp + rootWhole;
  return {
    all: layers * block + root,
    readAgain: layers * readAgain,
    /** Each rank of the tensor-parallel axis has a part of their gradients' sums. */
    whole: layers * blockWhole + rootWhole,
    block,
    root,
  };
}

const gathered = (n: number, elements: number): number => ((n - 1) / n) * elements;
const reduced = (n: number, elements: number): number => 2 * gathered(n, elements);

/** Elements that one rank sends in a step, by axis. */
export function textbookTraffic(shape: Shape, technique: Technique): { readonly [axis: string]: number } {
  const { batch, sequence, hidden, layers, vocabulary } = shape;
  const { dpReplicate, dpShard, cp, tp, isLossParallel, rotateMethod } = technique;
  const parameters = parametersOf(shape, technique);
  const isSharded = dpShard > 1;
  const shards = isSharded ? dpShard * cp : 1;
  const moved = parameters.all + parameters.readAgain + parameters.all;
  const rows = (batch / (dpReplicate * dpShard)) * (sequence / cp);
  // The loss and the count of tokens; the norm's square over every axis that splits parameters at rest. Ranks of cp count
  // whole sequences of targets each.
  const scalars = { plain: 2, sharded: 3 };

  const sent: { [axis: string]: number } = {};
  if (dpReplicate > 1) sent.dpReplicate = reduced(dpReplicate, parameters.all / shards + scalars.plain);
  if (isSharded) sent.dpShard = gathered(dpShard, moved) + reduced(dpShard, scalars.sharded);
  if (cp > 1) {
    const weights = isSharded
      ? gathered(cp, moved / dpShard) + reduced(cp, scalars.sharded - 1)
      : reduced(cp, parameters.all + scalars.plain - 1);
    const keysAndValues = (2 * rows * hidden) / tp;
    const perBlock =
      rotateMethod === "allgather" ? 2 * (cp - 1) * keysAndValues : 2 * (cp - 1) * keysAndValues + cp * keysAndValues;
    sent.cp = weights + layers * perBlock;
  }
  if (tp > 1) {
    const stream = rows * hidden;
    // Sequence parallel: gather and scatter around attention and around the wide layers, forward and backward, and once
    // each for the embedding and for the head.
    const activations = gathered(tp, (8 * layers + 4) * stream);
    const lossRows = (rows / sequence) * (sequence - 1);
    const loss = isLossParallel ? 3 * reduced(tp, lossRows) : gathered(tp, rows * vocabulary);
    sent.tp = activations + reduced(tp, parameters.whole / shards) + loss + reduced(tp, 1);
  }
  return sent;
}

/** Bytes of one rank: exact where everything divides. */
export function textbookMemory(shape: Shape, technique: Technique) {
  const { all, block, root } = parametersOf(shape, technique);
  const shards = technique.dpShard > 1 ? technique.dpShard * technique.cp : 1;
  const rest = (4 * all) / shards;
  return {
    parameters: rest,
    gradients: rest,
    optimizer: 2 * rest,
    /** The root's unit and, while one block computes, its own and those ahead. */
    gathered: technique.dpShard > 1 ? 4 * (root + (1 + technique.prefetch) * block) : 0,
  };
}
