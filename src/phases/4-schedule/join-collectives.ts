// Purpose: neighbouring reductions over the same ranks become one bucket: begun together once the last of them is ready
// or somebody needs one, so that many small ones cost no more than their bytes. Needs: jobs in order, shared memory.
// Leaves: fewer collectives, at places where all their sources are ready. Example: the gradients of one layer.
import { numBytesOf } from "../../ir/tensor-type.js";
import { most, product } from "./amounts.js";
import type { Shared } from "./share-memory.js";
import { touchedBy, visitItems } from "./touches.js";
import type { CollectiveJob, Job, LaidKernel, TableJob, Tensor } from "./work.js";

/** More bytes than these are on their way early rather than together. */
const mostBytes = 25 * 1024 * 1024;

type Laid = LaidKernel | TableJob;
type Options = Pick<Shared, "rounds" | "cellOf"> & { readonly numVariants: number };

interface Bucket {
  readonly jobs: CollectiveJob[];
  bytes: number;
  readonly sources: Set<unknown>;
  readonly targets: Set<unknown>;
}

export function joinCollectives(jobs: readonly Job<Laid>[], options: Options): readonly Job<Laid>[] {
  const result: Job<Laid>[] = [];
  const open = new Map<string, Bucket>();
  const close = (key: string): void => {
    const bucket = open.get(key);
    if (!bucket) return;
    open.delete(key);
    result.push({ ...bucket.jobs[0]!, parts: bucket.jobs.flatMap(({ parts }) => parts) });
  };
  const cells = (tensors: Iterable<Tensor>): ReadonlySet<unknown> => {
    const found = new Set<unknown>();
    for (const tensor of tensors) visitItems(tensor, options.rounds, (item) => found.add(options.cellOf(item)));
    return found;
  };
  for (const job of jobs) {
    const { reads, writes } = touchedBy(job, options.rounds);
    const [read, written] = [cells(reads), cells(writes)];
    for (const [key, { sources, targets }] of open)
      if (share(targets, read) || share(targets, written) || share(sources, written)) close(key);
    if (job.kind === "loop")
      result.push({ ...job, body: { jobs: joinCollectives(job.body.jobs as readonly Job<Laid>[], options) } });
    else if (job.kind !== "collective" || !(job.what === "all-reduce" || job.what === "reduce-scatter"))
      result.push(job);
    else {
      const key = `${job.what} ${job.axis} ${job.reduction}`;
      const bytes = job.parts.reduce((n, { source }) => n + bytesOf(source, options.numVariants), 0);
      if ((open.get(key)?.bytes ?? 0) + bytes > mostBytes) close(key);
      const bucket = open.get(key) ?? { jobs: [], bytes: 0, sources: new Set(), targets: new Set() };
      open.set(key, bucket);
      bucket.jobs.push(job);
      bucket.bytes += bytes;
      for (const cell of read) bucket.sources.add(cell);
      for (const cell of written) bucket.targets.add(cell);
      if (bucket.bytes > mostBytes) close(key);
    }
  }
  for (const key of [...open.keys()]) close(key);
  return result;
}

const bytesOf = ({ shape, dtype }: Tensor, numVariants: number): number =>
  most(product(shape, numVariants)) * numBytesOf[dtype];

function share(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean {
  for (const each of a) if (b.has(each)) return true;
  return false;
}
