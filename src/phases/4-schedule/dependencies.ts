// What must come before what in a block of jobs, by the memory that they touch, and orders that respect it.
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
  const writers = new Map<unknown, Writers>();
  const readers = new Map<unknown, number[]>();
  return jobs.map((job, position) => {
    const before = new Set<number>();
    const { reads, writes } = touchedBy(job, rounds);
    for (const tensor of reads) for (const writer of writers.get(cellOf(tensor))?.all ?? []) before.add(writer);
    for (const tensor of writes) {
      const cell = cellOf(tensor);
      for (const reader of readers.get(cell) ?? []) before.add(reader);
      const known = writers.get(cell);
      if (!known) continue;
      const place = singlePlace(job, tensor);
      const others = place === null ? known.all : [...known.wide, ...(known.byPlace.get(place) ?? [])];
      for (const writer of others) before.add(writer);
    }
    for (const tensor of reads) {
      const list = readers.get(cellOf(tensor));
      if (list) list.push(position);
      else readers.set(cellOf(tensor), [position]);
    }
    for (const tensor of writes) note(writers, cellOf(tensor), singlePlace(job, tensor), position);
    before.delete(position);
    return [...before];
  });
}

/** Jobs that write one memory: whoever writes a single element of it only meets those that write there too. */
interface Writers {
  readonly all: number[];
  readonly wide: number[];
  readonly byPlace: Map<string, number[]>;
}

function note(writers: Map<unknown, Writers>, cell: unknown, place: string | null, position: number): void {
  let known = writers.get(cell);
  if (!known) {
    known = { all: [], wide: [], byPlace: new Map() };
    writers.set(cell, known);
  }
  known.all.push(position);
  if (place === null) known.wide.push(position);
  else known.byPlace.set(place, [...(known.byPlace.get(place) ?? []), position]);
}

/** The element of a tensor that is all that a kernel writes of it; null where it is more. */
function singlePlace(job: Job, tensor: Tensor): string | null {
  if (job.kind !== "laid") return null;
  const i = job.memory.findIndex((each, k) => each.tensor === tensor && job.kernel.operands[k]!.role !== "read");
  if (i < 0 || Object.keys(job.kernel.operands[i]!.strides).length > 0) return null;
  return job.memory[i]!.offset.join();
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
