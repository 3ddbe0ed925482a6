// Purpose: where a call cannot take an operand as it lies, a kernel copies it: before the call for what it reads, behind
// it for what it writes. Needs: kernels and layouts. Leaves: calls whose every operand meets its conditions.
import type { LaunchOrigin } from "../../ir/scheduled.js";
import { buildKernel } from "./build-kernel.js";
import { bestWay, callStrides } from "./call-ways.js";
import type { Layouts } from "./choose-layouts.js";
import { aloneIn } from "./groups.js";
import type { Lowering } from "./lowering.js";
import { copyOf } from "./make-piece.js";
import { wholeView } from "./views.js";
import type { CallJob, CallJobOperand, Job, KernelJob, KernelPiece, Part, Tensor, View } from "./work.js";

export function copyOperands(
  jobs: readonly Job<KernelJob>[],
  layouts: Layouts,
  lowering: Lowering,
): readonly Job<KernelJob>[] {
  return jobs.flatMap((job): readonly Job<KernelJob>[] => {
    if (job.kind === "loop")
      return [{ ...job, body: { jobs: copyOperands(job.body.jobs as readonly Job<KernelJob>[], layouts, lowering) } }];
    if (job.kind !== "call") return [job];
    return withCopies(job, layouts, lowering);
  });
}

/** A kernel that copies a view to all of a tensor. */
export const copyKernel = (view: View, tensor: Tensor, from: LaunchOrigin, lowering: Lowering): KernelJob =>
  kernelOf(copyOf(view, from, lowering, tensor).piece, lowering);

export const kernelOf = (piece: KernelPiece, { numVariants }: Lowering): KernelJob =>
  buildKernel(aloneIn(piece, numVariants), { makers: new Map(), inlined: new Set(), isStored: () => true });

function withCopies(job: CallJob, layouts: Layouts, lowering: Lowering): readonly Job<KernelJob>[] {
  const before: KernelJob[] = [];
  const after: KernelJob[] = [];
  const way = bestWay(job, layouts, lowering.numVariants);
  const operands = way.operands.map((operand) => {
    if (callStrides(operand, layouts(operand.view.tensor), lowering.numVariants)) return operand;
    const { tensor, own } = ownOperand(operand, lowering);
    const parts = inOrder(operand).flatMap((group) => group.parts);
    const flat: View = { ...operand.view, dims: parts.map((part) => [part]), shape: parts.map(({ size }) => size) };
    if (operand.role === "read") before.push(kernelOf(copyOf(flat, job.from, lowering, tensor).piece, lowering));
    else after.push(kernelOf(copyInto(flat, tensor, job, lowering), lowering));
    return own;
  });
  return [...before, { ...job, ways: [{ ...way, operands }] }, ...after];
}

/** The groups, one that must have stride 1 last. */
function inOrder({ groups, unit }: CallJobOperand): CallJobOperand["groups"] {
  const last = [...groups].reverse().find(({ group }) => unit.includes(group));
  return last ? [...groups.filter((group) => group !== last), last] : groups;
}

/** A tensor in the order that the call wants, and the operand that it is. */
function ownOperand(operand: CallJobOperand, lowering: Lowering): { tensor: Tensor; own: CallJobOperand } {
  const parts = inOrder(operand).flatMap((group) => group.parts);
  const { tensor: from } = operand.view;
  const tensor = lowering.tensor(
    from.name,
    from.dtype,
    parts.map(({ size }) => size),
  );
  const place = new Map(parts.map((part, dim): [Part, Part] => [part, { size: part.size, dim, step: lowering.one }]));
  const groups = operand.groups.map((group) => ({ ...group, parts: group.parts.map((part) => place.get(part)!) }));
  return { tensor, own: { ...operand, view: wholeView(tensor, lowering.numVariants), groups } };
}

/** Writes the places of a view from a tensor that holds them in order. */
function copyInto(target: View, source: Tensor, { from }: CallJob, lowering: Lowering): KernelPiece {
  const { piece } = copyOf(target, from, lowering, source);
  const [read] = piece.reads as [NonNullable<KernelPiece["reads"][number]>];
  const [write] = piece.writes as [NonNullable<KernelPiece["writes"][number]>];
  return {
    ...piece,
    reads: [{ view: wholeView(source, lowering.numVariants), access: write, isComputed: false }],
    writes: [read.access!],
  };
}
