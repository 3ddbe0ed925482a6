// What must come before what in a block of jobs, by the memory that they touch, and orders that respect it.
import type { Amount } from "../../ir/scheduled.js";
import { sameAmount } from "./amounts.js";
import { touchedBy } from "./touches.js";
import type { Job, Rounds, Tensor } from "./work.js";

/** Per job, the positions of the jobs that must be done before it. */
export type Before = readonly (readonly number[])[];

/** `cellOf`: the memory of a tensor. The order of the list says who reads what. */
export function dependencies(
  jobs: readonly Job[],
  rounds: ReadonlyMap<Tensor, Rounds>,
  cellOf: (tensor: Tensor) => unknown,
): Before {
  const writers = new Map<unknown, number[]>();
  const readers = new Map<unknown, number[]>();
  return jobs.map((job, position) => {
    const before = new Set<number>();
    const { reads, writes } = touchedBy(job, rounds);
    for (const tensor of reads) for (const writer of writers.get(cellOf(tensor)) ?? []) before.add(writer);
    for (const tensor of writes) {
      const cell = cellOf(tensor);
      for (const reader of readers.get(cell) ?? []) before.add(reader);
      for (const writer of writers.get(cell) ?? [])
        if (!writeApart(jobs[writer]!, job, tensor)) before.add(writer);
    }
    for (const tensor of reads) add(readers, cellOf(tensor), position);
    for (const tensor of writes) add(writers, cellOf(tensor), position);
    before.delete(position);
    return [...before];
  });
}

function add(lists: Map<unknown, number[]>, key: unknown, position: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [position]);
  else if (list.at(-1) !== position) list.push(position);
}

/** Whether two kernels write one tensor at different single places. */
function writeApart(a: Job, b: Job, tensor: Tensor): boolean {
  const [x, y] = [singlePlace(a, tensor), singlePlace(b, tensor)];
  return x !== null && y !== null && !sameAmount(x, y);
}

/** Where a kernel writes one element of a tensor, if that is all it writes there. */
function singlePlace(job: Job, tensor: Tensor): Amount | null {
  if (job.kind !== "laid") return null;
  const i = job.memory.findIndex((each, k) => each.tensor === tensor && job.kernel.operands[k]!.role !== "read");
  if (i < 0 || Object.keys(job.kernel.operands[i]!.strides).length > 0) return null;
  return job.memory[i]!.offset;
}

/** The longest way from each job to the end: jobs at one height do not depend on each other. */
export function heights(before: Before): readonly number[] {
  const found = new Array<number>(before.length).fill(0);
  for (let position = before.length - 1; position >= 0; position--)
    for (const earlier of before[position]!) found[earlier] = Math.max(found[earlier]!, found[position]! + 1);
  return found;
}

/** The longest way from the start to each job. */
export function depths(before: Before): readonly number[] {
  const found: number[] = [];
  for (const earlier of before) found.push(Math.max(0, ...earlier.map((position) => found[position]! + 1)));
  return found;
}
