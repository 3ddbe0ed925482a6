// Purpose: a chain of additions of many numbers, such as the squares of all gradients, becomes one sum: the numbers are
// written one behind the other, and one kernel adds them. Needs: lowered blocks. Leaves: kernels of the same kind that do
// not depend on each other, which can be one table. Example: total = ((a + b) + c) + d.
import { apply, input, named, type Scalar } from "../../ir/kernel.js";
import { countReads, type LoweredGraph, type Slot } from "./lower-graph.js";
import type { Lowering } from "./lowering.js";
import { wholeView } from "./views.js";
import type { Job, KernelPiece, Letter, PieceRead, Rounds, Tensor, View } from "./work.js";

/** Stands for no loop: where numbers lie that are elements of a row. */
export const slotLoop = 0;
/** Shorter chains stay as they are. */
const leastTerms = 4;

export function joinSums(graph: LoweredGraph, lowering: Lowering): LoweredGraph {
  const slots = new Map<Tensor, Slot>();
  const rounds = new Map(graph.rounds);
  const jobs = joinedBlock(graph.jobs, { reads: countReads(graph), slots, rounds, lowering });
  return { ...graph, jobs, slots, rounds };
}

interface Joining {
  readonly reads: ReadonlyMap<Tensor, number>;
  readonly slots: Map<Tensor, Slot>;
  readonly rounds: Map<Tensor, Rounds>;
  readonly lowering: Lowering;
}

function joinedBlock(all: readonly Job<KernelPiece>[], joining: Joining): readonly Job<KernelPiece>[] {
  const { lowering, reads: readsOf } = joining;
  const jobs = all.map((job): Job<KernelPiece> => {
    if (job.kind !== "loop") return job;
    return { ...job, body: { jobs: joinedBlock(job.body.jobs as readonly Job<KernelPiece>[], joining) } };
  });
  // What rounds that are written out collect.
  const collected = new Set(jobs.flatMap((job) => (job.kind === "loop" && job.isTable ? job.makes : [])));
  const makers = new Map<Tensor, KernelPiece>();
  for (const job of jobs) if (job.kind === "piece") for (const { tensor } of job.writes) makers.set(tensor, job);
  const isOnce = (tensor: Tensor): boolean => readsOf.get(tensor) === 1;
  const inner = new Set<KernelPiece>();
  for (const job of jobs)
    if (job.kind === "piece" && isAddition(job))
      for (const { view } of job.reads) {
        const maker = makers.get(view.tensor);
        if (maker && isAddition(maker) && isOnce(view.tensor)) inner.add(maker);
      }
  const changed = new Map<KernelPiece, readonly KernelPiece[]>();
  for (const job of jobs) {
    if (job.kind !== "piece" || !isAddition(job) || inner.has(job)) continue;
    const chain = termsOf(job, makers, inner);
    const isCollected = (tensor: Tensor): boolean =>
      collected.has(tensor) && readsOf.get(tensor) === 2 && !joining.rounds.has(tensor);
    const rows = chain.terms.filter(
      (tensor) => isCollected(tensor) || (isOnce(tensor) && makers.has(tensor) && canMove(makers.get(tensor)!)),
    );
    if (rows.length < leastTerms) continue;
    const row: Tensor = lowering.tensor("terms", job.writes[0]!.tensor.dtype, [lowering.amount(rows.length)]);
    const others = chain.terms.filter((tensor) => !rows.includes(tensor));
    rows.forEach((tensor, i) => {
      if (isCollected(tensor)) {
        joining.slots.set(tensor, { row, place: i });
        joining.rounds.set(tensor, { loop: slotLoop, items: [row] });
        return;
      }
      const maker = makers.get(tensor)!;
      const now = changed.get(maker)?.[0] ?? maker;
      changed.set(maker, [withWrite(now, tensor, row, i, lowering)]);
    });
    for (const piece of chain.pieces) changed.set(piece, []);
    changed.set(job, [sumOf(job, row, others, lowering)]);
  }
  if (changed.size === 0) return jobs;
  return jobs.flatMap((job): readonly Job<KernelPiece>[] =>
    job.kind === "piece" ? (changed.get(job) ?? [job]) : [job],
  );
}

/** A single number that is the sum of two. */
function isAddition({ outer, inner, passes, reads, writes }: KernelPiece): boolean {
  const [pass, ...more] = passes;
  return (
    outer.length === 0 &&
    inner.length === 0 &&
    more.length === 0 &&
    reads.length === 2 &&
    writes.length === 1 &&
    writes[0]!.tensor.shape.length === 0 &&
    reads.every(({ view }) => view.tensor.shape.length === 0) &&
    pass?.kind === "store" &&
    pass.value.kind === "apply" &&
    pass.value.fn === "add" &&
    pass.value.args.every((arg) => arg.kind === "input" && arg.at === undefined)
  );
}

/** What a chain adds, in order, and the additions inside it. */
function termsOf(
  head: KernelPiece,
  makers: ReadonlyMap<Tensor, KernelPiece>,
  inner: ReadonlySet<KernelPiece>,
): { readonly terms: readonly Tensor[]; readonly pieces: readonly KernelPiece[] } {
  const terms: Tensor[] = [];
  const pieces: KernelPiece[] = [];
  const stack: Tensor[] = [];
  const push = ({ reads, passes }: KernelPiece): void => {
    const [pass] = passes as [Extract<KernelPiece["passes"][number], { kind: "store" }>];
    const { args } = pass.value as Extract<Scalar, { kind: "apply" }>;
    for (const arg of [...args].reverse()) stack.push(reads[(arg as { readonly input: number }).input]!.view.tensor);
  };
  push(head);
  for (let tensor = stack.pop(); tensor; tensor = stack.pop()) {
    const maker = makers.get(tensor);
    if (maker && inner.has(maker)) {
      pieces.push(maker);
      push(maker);
    } else terms.push(tensor);
  }
  return { terms, pieces };
}

/** Numbers made of nothing are added where the sum is. */
const canMove = ({ reads, inner }: KernelPiece): boolean => reads.length > 0 && inner.length > 0;

const withWrite = (
  piece: KernelPiece,
  tensor: Tensor,
  row: Tensor,
  place: number,
  lowering: Lowering,
): KernelPiece => ({
  ...piece,
  writes: piece.writes.map((write) =>
    write.tensor === tensor ? { tensor: row, dims: [{ offset: lowering.amount(place), terms: new Map() }] } : write,
  ),
});

function sumOf(head: KernelPiece, row: Tensor, others: readonly Tensor[], lowering: Lowering): KernelPiece {
  const letter: Letter = { hint: "n", size: row.shape[0]! };
  const whole = (tensor: Tensor): View => wholeView(tensor, lowering.numVariants);
  const reads: PieceRead[] = [
    {
      view: whole(row),
      access: { tensor: row, dims: [{ offset: lowering.zero, terms: new Map([[letter, lowering.one]]) }] },
      isComputed: false,
    },
    ...others.map((tensor) => ({ view: whole(tensor), access: { tensor, dims: [] }, isComputed: false })),
  ];
  const value = others.reduce<Scalar>((sum, _, i) => apply("add", sum, input(i + 1)), named("total"));
  return {
    ...head,
    inner: [letter],
    letters: new Map([["n", { offset: lowering.zero, terms: new Map([[letter, lowering.one]]) }]]),
    passes: [
      { kind: "reduce", name: "total", by: "sum", of: input(0) },
      { kind: "store", output: 0, over: "outer", value },
    ],
    reads,
  };
}
