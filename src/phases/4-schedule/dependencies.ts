// What must come before what in a block of jobs, by the memory that they touch, and orders that respect it.
import { sameAmount } from "./amounts.js";
import { directWrites, touchedBy } from "./touches.js";
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
  if (a.kind !== "laid" || b.kind !== "laid" || !directWrites(a).includes(tensor)) return false;
  const [x, y] = [a, b].map(({ memory, kernel }) => {
    const i = memory.findIndex((each, k) => each.tensor === tensor && kernel.operands[k]!.role !== "read");
    return { offset: memory[i]!.offset, isSingle: Object.keys(kernel.operands[i]!.strides).length === 0 };
  }) as [{ offset: readonly number[]; isSingle: boolean }, { offset: readonly number[]; isSingle: boolean }];
  return x.isSingle && y.isSingle && !sameAmount(x.offset, y.offset);
}

/** The longest way from each job to the end: jobs at one height do not depend on each other. */
export function heights(before: Before): readonly number[] {
  const found = new Array<number>(before.length).fill(0);
  for (let position = before.length - 1; position >= 0; position--)
    for (const earlier of before[position]!) found[earlier] = Math.max(found[earlier]!, found[position]! + 1);
  return found;
}
