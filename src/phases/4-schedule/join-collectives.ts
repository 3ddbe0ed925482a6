// Purpose: neighbouring reductions over the same ranks become one bucket: begun together once the last of them is ready
// or somebody needs one, so that many small ones cost no more than their bytes. Needs: jobs in order, shared memory.
// Leaves: fewer collectives, at places where all their sources are ready. Example: the gradients of one layer. Parts for
// the next rank leave together too, but before anything else is begun, so that they travel while it runs: keys and values.
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
  /** Keys of buckets that end before this one begins: it takes what they make. */
  readonly behind: Set<string>;
}

export function joinCollectives(jobs: readonly Job<Laid>[], options: Options): readonly Job<Laid>[] {
  const result: Job<Laid>[] = [];
  const open = new Map<string, Bucket>();
  const close = (key: string): void => {
    const bucket = open.get(key);
    if (!bucket) return;
    open.delete(key);
    for (const earlier of bucket.behind) close(earlier);
    result.push({ ...bucket.jobs[0]!, parts: bucket.jobs.flatMap(({ parts }) => parts) });
  };
  const isBehind = (key: string, other: string): boolean =>
    [...(open.get(key)?.behind ?? [])].some((earlier) => earlier === other || isBehind(earlier, other));
  const cells = (tensors: Iterable<Tensor>): ReadonlySet<unknown> => {
    const found = new Set<unknown>();
    for (const tensor of tensors) visitItems(tensor, options.rounds, (item) => found.add(options.cellOf(item)));
    return found;
  };
  for (const job of jobs) {
    const { reads, writes } = touchedBy(job, options.rounds);
    const [read, written] = [cells(reads), cells(writes)];
    const own = keyOf(job);
    if (job.kind !== "laid" && !(job.kind === "collective" && job.what === "permute"))
      for (const [key, { jobs: waiting }] of open) if (waiting[0]!.what === "permute") close(key);
    const behind = new Set<string>();
    for (const [key, { sources, targets }] of open) {
      if (!(share(targets, read) || share(targets, written) || share(sources, written))) continue;
      // A reduction waits for another one in a bucket of its own, unless that waits for it.
      if (own === null || own === key || isBehind(key, own)) close(key);
      else behind.add(key);
    }
    if (job.kind === "loop")
      result.push({ ...job, body: { jobs: joinCollectives(job.body.jobs as readonly Job<Laid>[], options) } });
    else if (job.kind !== "collective" || own === null) result.push(job);
    else {
      // The gradients of an FSDP unit leave together, whatever their size.
      const most = job.what === "reduce-scatter" && job.unit !== null ? Number.POSITIVE_INFINITY : mostBytes;
      const bytes = job.parts.reduce((n, { source }) => n + bytesOf(source, options.numVariants), 0);
      if ((open.get(own)?.bytes ?? 0) + bytes > most) close(own);
      const bucket = open.get(own) ?? newBucket();
      open.set(own, bucket);
      bucket.jobs.push(job);
      bucket.bytes += bytes;
      for (const key of behind) if (open.has(key)) bucket.behind.add(key);
      for (const cell of read) bucket.sources.add(cell);
      for (const cell of written) bucket.targets.add(cell);
      if (bucket.bytes > most) close(own);
    }
  }
  for (const key of [...open.keys()]) close(key);
  return result;
}

const newBucket = (): Bucket => ({ jobs: [], bytes: 0, sources: new Set(), targets: new Set(), behind: new Set() });

/** Collectives of one key may be joined; null: none of them. */
function keyOf(job: Job<Laid>): string | null {
  if (job.kind !== "collective" || job.what === "all-gather" || job.what === "all-to-all") return null;
  // Stages of a pipeline have other neighbours each: what they do together stays as it is.
  if (job.axis === "pp") return null;
  const unit = job.what === "reduce-scatter" ? job.unit : "";
  return `${job.what} ${job.axis} ${job.reduction} ${unit} ${job.stagger ? "staggered" : ""}`;
}

const bytesOf = ({ shape, dtype }: Tensor, numVariants: number): number =>
  most(product(shape, numVariants)) * numBytesOf[dtype];

function share(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean {
  for (const each of a) if (b.has(each)) return true;
  return false;
}
