// Datasets and loaders. A batch is addressed by epoch and index, so that every mesh and every resumed run reads the same.
import {
  BatchReader,
  checkBatchSize,
  computedBatch,
  type TensorSource,
  type TokenSource,
  withRandomStep,
} from "../services.js";
import type { Tensor } from "../tensor.js";

/** Tensors by field, whole as on one device: `inputIds [B, T]` of a `TextDataset`. */
export interface Batch {
  readonly [field: string]: Tensor;
}

/** Token folders made by `dreamc data prepare`: samples of `sequenceLength` tokens, as `inputIds [B, T]`. */
export class TextDataset {
  readonly source: TokenSource;
  constructor(
    path: string,
    {
      sequenceLength,
      split = "train",
      vocabSize = null,
    }: { sequenceLength: number; split?: string; vocabSize?: number | null },
  ) {
    this.source = { kind: "tokens", path, split, sequenceLength, vocabSize };
  }
}

/** A safetensors file whose tensors share their first dim, one sample per row. `fields` says the shape of a sample. */
export class TensorDataset {
  readonly source: TensorSource;
  constructor(path: string, { numSamples, fields }: Omit<TensorSource, "kind" | "path">) {
    this.source = { kind: "tensors", path, numSamples, fields };
  }
}

/** Samples that are computed: `generate(batchSize)` gives the fields of one batch, from random numbers. */
export class GeneratedDataset {
  constructor(
    readonly numSamples: number,
    readonly generate: (batchSize: number) => Batch,
  ) {}
}

/** In which order samples are read: shuffled anew in every epoch, from the seed, or as they lie. */
export interface Sampler {
  readonly shuffle: boolean;
}
/** How a loader reads: see its fields. The last samples that fill no batch are dropped unless `dropLast` is false. */
export interface LoaderOptions {
  /** Samples in a batch of the whole program. */
  readonly batchSize: number;
  readonly sampler?: Sampler;
  readonly shuffle?: boolean;
  readonly dropLast?: boolean;
  /** For PyTorch's sake: batches are always read ahead by a thread. */
  readonly numWorkers?: number;
  readonly pinMemory?: boolean;
}

/**
 * Batches of a dataset. Reads ahead by a thread; every data-parallel rank reads its share. Throws an error where the
 * samples do not fill one batch.
 */
export class DataLoader {
  readonly numBatches: number;
  readonly batchSize: number;
  readonly fetch: (epoch: number, index: number) => Batch;
  constructor(
    dataset: TextDataset | TensorDataset | GeneratedDataset,
    { batchSize, sampler, shuffle = sampler?.shuffle ?? false, dropLast = true }: LoaderOptions,
  ) {
    checkBatchSize(batchSize);
    this.batchSize = batchSize;
    if (dataset instanceof GeneratedDataset) {
      const numBatches = Math.floor(dataset.numSamples / batchSize);
      if (numBatches === 0) throw new Error(`${dataset.numSamples} samples do not fill a batch of ${batchSize}`);
      this.numBatches = numBatches;
      this.fetch = (epoch, index) =>
        withRandomStep(epoch * numBatches + index, () => computedBatch(dataset.generate(batchSize), batchSize));
    } else {
      const name = "split" in dataset.source ? dataset.source.split : "data";
      const reader = new BatchReader({ name, source: dataset.source, batchSize, shuffle, dropLast });
      this.numBatches = reader.numBatches;
      this.fetch = (epoch, index) => reader.fetch(epoch, index);
    }
  }
}
