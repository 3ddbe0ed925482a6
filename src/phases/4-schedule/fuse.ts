// Purpose: pieces become kernels, as few bytes through memory as possible. Cheap pieces that read next to nothing are made
// again by whoever reads them; then every piece joins the kernels that make what it reads, where both can walk one index
// space and nothing that lies between them would have to run in the middle. Needs: lowered blocks. Leaves: kernels in an
// order that respects what they read. Never across a loop's border, a collective or a call.
// Example: matmul, + bias, gelu, * mask is a call and one kernel.
import { type Fusing, fuseBlock } from "./fuse-block.js";
import type { Maker } from "./groups.js";
import type { LoweredGraph } from "./lower-graph.js";
import { segmentsOf } from "./segments.js";
import { directReads, touchedBy, visitItems, visitJobs } from "./touches.js";
import type { Job, KernelJob, Tensor } from "./work.js";
import { isTrivial } from "./worth-joining.js";

export interface FuseOptions {
  /** Whether pieces are joined at all; else each op has a kernel of its own. */
  readonly isFused: boolean;
}

export function fuse(graph: LoweredGraph, numVariants: number, { isFused }: FuseOptions): readonly Job<KernelJob>[] {
  const makers = new Map<Tensor, Maker>();
  const several = new Set<Tensor>();
  visitJobs(graph.jobs, (job) => {
    if (job.kind !== "piece") return;
    job.writes.forEach(({ tensor }, output) => {
      if (makers.has(tensor)) several.add(tensor);
      makers.set(tensor, { piece: job, output });
    });
  });
  const required = requiredTensors(graph);
  const inlined = new Set<Tensor>();
  if (isFused)
    for (const [tensor, { piece }] of makers)
      if (!several.has(tensor) && isTrivial(piece, tensor, numVariants)) inlined.add(tensor);
  const segments = segmentsOf(graph.jobs);
  const across = segments.length > 1 ? readAcross(segments, graph.rounds) : [];
  const needed = new Set([...required, ...several, ...across]);
  const fusing: Fusing = { graph, isFused, numVariants, makers, inlined, required: needed };
  return segments.flatMap((segment) => fuseBlock(segment, fusing));
}

/** What another segment makes. */
function* readAcross(segments: readonly (readonly Job[])[], rounds: LoweredGraph["rounds"]): Generator<Tensor> {
  for (const segment of segments) {
    const touched = segment.map((job) => touchedBy(job, rounds));
    const made = new Set(touched.flatMap(({ writes }) => [...writes]));
    for (const { reads } of touched) for (const tensor of reads) if (!made.has(tensor)) yield tensor;
  }
}

function requiredTensors({ jobs, results, updates, rounds, swaps }: LoweredGraph): ReadonlySet<Tensor> {
  const required = new Set<Tensor>();
  const need = (tensor: Tensor): void => visitItems(tensor, rounds, (item) => required.add(item));
  visitJobs(jobs, (job) => {
    if (job.kind !== "piece") directReads(job).forEach(need);
  });
  for (const tensor of rounds.keys()) need(tensor);
  for (const { places } of swaps) places.forEach(need);
  for (const { view } of [...results, ...updates]) need(view.tensor);
  return required;
}
