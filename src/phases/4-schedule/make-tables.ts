// Purpose: kernels that are the same but for their tensors, and do not depend on each other, become one table: an
// optimizer over its parameters, the norm of all gradients, first values. Needs: laid kernels. Leaves: tables where the
// last of their rows was. Kernels at one height of the block's graph (the longest way to its end), or at one depth (from
// its start), are independent, and putting these together makes no circle.
import type { Scalar } from "../../ir/kernel.js";
import type { Amount, Kernel, RankNumber } from "../../ir/scheduled.js";
import { is } from "./amounts.js";
import { type Before, dependencies, depths, heights } from "./dependencies.js";
import { scalarOf } from "./scalars.js";
import { segmentsOf } from "./segments.js";
import type { Shared } from "./share-memory.js";
import type { Job, LaidKernel, TableJob, Tensor } from "./work.js";

export interface TableOptions extends Pick<Shared, "rounds" | "outside" | "cellOf"> {
  readonly numVariants: number;
}

export function makeTables(
  jobs: readonly Job<LaidKernel>[],
  options: TableOptions,
): readonly Job<LaidKernel | TableJob>[] {
  const bodies = jobs.map((job): Job<LaidKernel> => {
    if (job.kind !== "loop") return job;
    return { ...job, body: { jobs: makeTables(job.body.jobs as readonly Job<LaidKernel>[], options) } };
  });
  // What is alike may come from one place, or go to one.
  return segmentsOf(bodies).flatMap((segment) => gathered(gathered(segment, options, heights), options, depths));
}

type Row = LaidKernel | TableJob;

function gathered(
  jobs: readonly Job<Row>[],
  options: TableOptions,
  levelsOf: (before: Before) => readonly number[],
): readonly Job<Row>[] {
  const before = dependencies(jobs, options.rounds, options.cellOf);
  const levels = levelsOf(before);
  const keys = new KernelKeys();
  const groups = new Map<string, { readonly job: Row; readonly position: number }[]>();
  jobs.forEach((job, position) => {
    if (job.kind !== "table" && (job.kind !== "laid" || !isRow(job, options))) return;
    // What is needed early does not wait for what is not.
    const key = `${levels[position]} ${job.kernel.from[0]?.phase} ${keys.of(job.kernel)}`;
    const group = groups.get(key);
    if (group) group.push({ job, position });
    else groups.set(key, [{ job, position }]);
  });
  const tableAt = new Map<number, TableJob>();
  const groupOf = new Map<number, readonly number[]>();
  for (const group of groups.values()) {
    if (group.length < 2) continue;
    const positions = group.map(({ position }) => position);
    for (const position of positions) groupOf.set(position, positions);
    const rows = group.flatMap(({ job }) =>
      job.kind === "table" ? job.rows : [{ size: sizeOf(job.kernel, options.numVariants), memory: job.memory }],
    );
    // The first row's kernel stands for all.
    tableAt.set(positions.at(-1)!, { kind: "table", kernel: group[0]!.job.kernel, rows });
  }
  return inOrder(jobs, before, groupOf).flatMap((position): readonly Job<Row>[] => {
    if (!groupOf.has(position)) return [jobs[position]!];
    const table = tableAt.get(position);
    return table ? [table] : [];
  });
}

const sizeOf = ({ outer, inner }: Kernel, numVariants: number): Amount =>
  [...outer, ...inner][0]?.size ?? new Array<number>(numVariants).fill(1);

/** One letter, walked element by element, over memory that has one address. */
function isRow({ kernel, memory }: LaidKernel, { rounds, outside }: TableOptions): boolean {
  const isPlain = (tensor: Tensor): boolean =>
    !rounds.has(tensor) &&
    outside.get(tensor)?.kind !== "result" &&
    (tensor.source === null || tensor.source.kind === "state" || tensor.source.kind === "scalar");
  const { outer, inner, operands } = kernel;
  if (outer.length + inner.length !== 1) return false;
  if (!kernel.numbers.every(({ value }) => value.kind === "amount")) return false;
  return operands.every(({ strides, atStrides }, i) => {
    const isUnit = Object.values(strides).every((stride) => is(stride, 1));
    return isUnit && atStrides.length === 0 && isPlain(memory[i]!.tensor);
  });
}

/** Positions in an order that respects what must come before what, where the jobs of a group come together. */
function inOrder(
  jobs: readonly unknown[],
  before: readonly (readonly number[])[],
  groupOf: ReadonlyMap<number, readonly number[]>,
): readonly number[] {
  const done = new Set<number>();
  const order: number[] = [];
  const visit = (position: number): void => {
    if (done.has(position)) return;
    const together = groupOf.get(position) ?? [position];
    for (const each of together) done.add(each);
    for (const each of together) for (const earlier of [...before[each]!].sort((a, b) => a - b)) visit(earlier);
    order.push(...together);
  };
  for (let position = 0; position < jobs.length; position++) {
    const group = groupOf.get(position);
    // A group waits for the last of its jobs, unless somebody needs it earlier.
    if (group === undefined || group.at(-1) === position) visit(position);
  }
  return order;
}

/** Equal for kernels that differ in nothing but sizes and names. */
class KernelKeys {
  private readonly known = new Map<Kernel, string>();

  of(kernel: Kernel): string {
    const known = this.known.get(kernel);
    if (known !== undefined) return known;
    const key = this.keyOf(kernel);
    this.known.set(kernel, key);
    return key;
  }

  private keyOf(kernel: Kernel): string {
    const numbers = new Map(kernel.numbers.map(({ name, value }) => [name, numberKey(value)]));
    const letter = [...kernel.outer, ...kernel.inner][0]?.letter;
    const names = new Map<string, number>();
    const known = new Map<Scalar, number>();
    const lines: string[] = [];
    const write = (scalar: Scalar): number => {
      const there = known.get(scalar);
      if (there !== undefined) return there;
      const text = this.text(scalar, write, numbers, names);
      known.set(scalar, lines.push(text) - 1);
      return lines.length - 1;
    };
    for (const pass of kernel.passes) {
      const value = write(scalarOf(pass));
      if (pass.kind === "store") lines.push(`store ${pass.operand} ${pass.over} ${value}`);
      else {
        names.set(pass.name, names.size);
        lines.push(`${pass.kind} ${pass.kind === "reduce" ? pass.by : ""} ${value}`);
      }
    }
    const operands = kernel.operands.map(
      ({ dtype, role, strides }) => `${dtype} ${role} ${letter !== undefined && letter in strides ? 1 : 0}`,
    );
    return [`${kernel.outer.length} ${kernel.inner.length}`, ...operands, ...lines].join("\n");
  }

  private text(
    scalar: Scalar,
    write: (scalar: Scalar) => number,
    numbers: ReadonlyMap<string, string>,
    names: ReadonlyMap<string, number>,
  ): string {
    switch (scalar.kind) {
      case "input":
        return `input ${scalar.input}`;
      case "constant":
        return `constant ${Object.is(scalar.value, -0) ? "-0" : scalar.value}`;
      case "attribute":
        return `number ${numbers.get(scalar.path)}`;
      case "index":
        return "index";
      case "extent":
        return "extent";
      case "name":
        return `name ${names.get(scalar.name)}`;
      case "apply":
        return `${scalar.fn} ${scalar.args.map(write).join(" ")}`;
    }
  }
}

const numberKey = (value: RankNumber): string => JSON.stringify(value);
