// What one run of a scheduled graph launches and moves through device memory, launch by launch. The rules are those of
// bench/traffic.py: a launch reads each operand once and writes each result once, what it changes in place it reads and
// writes; dims that an operand does not have count once; of a table that is looked up, no more is read than places look
// into it. Matrix products count as launches, their bytes do not. What happens inside a launch (scratch, a row that is
// walked twice) stays on the chip or is counted for neither side.

import type { Scalar } from "../src/ir/kernel.js";
import { leavesOf } from "../src/ir/memory-touches.js";
import type { Degrees } from "../src/ir/mesh.js";
import type { Amount, CallLaunch, Kernel, KernelOperand, Launch, Place, ScheduledGraph } from "../src/ir/scheduled.js";
import { numBytesOf } from "../src/ir/tensor-type.js";
import { hasScalar } from "../src/phases/4-schedule/scalars.js";

export interface CountedLaunch {
  readonly name: string;
  /** The loop around it and its phase, or the phase alone. */
  readonly where: string;
  readonly launches: number;
  /** Of all its rounds together. */
  readonly bytes: number;
}

/** Every launch of a graph, in order, where they run on one rank. */
export function countLaunches(
  { launches }: ScheduledGraph,
  degrees: Degrees,
  variant: number,
): readonly CountedLaunch[] {
  const counted: CountedLaunch[] = [];
  const walk = (list: readonly Launch[], rounds: number, where: string): void => {
    for (const launch of list) {
      const add = (name: string, bytes: number): void =>
        void counted.push({ name, where, launches: rounds, bytes: rounds * bytes });
      if (launch.kind === "loop") walk(launch.body, rounds * launch.count, `${launch.name} ${launch.phase}`);
      else if (launch.kind === "kernel") {
        const { kernel, operands } = launch;
        add(
          kernel.name,
          sum(operands.map(({ place }, i) => operandBytes(kernel, i, place, sizesOf(kernel, variant), variant))),
        );
      } else if (launch.kind === "table") {
        const { kernel, rows } = launch;
        const bytes = rows.map(({ size, operands }) => {
          const sizes = new Map([...kernel.outer, ...kernel.inner].map(({ letter }) => [letter, size[variant]!]));
          return sum(operands.map(({ place }, i) => operandBytes(kernel, i, place, sizes, variant)));
        });
        add(`${kernel.name} of ${rows.length} tensors`, sum(bytes));
      } else if (launch.kind === "call") add(launch.symbol, isProduct(launch) ? 0 : callBytes(launch, variant));
      else if (launch.kind === "collective" && degrees[launch.axis] > 1)
        throw new Error("what ranks send each other is no work of one device");
    }
  };
  walk(launches, 1, "");
  return counted;
}

const isProduct = ({ symbol }: CallLaunch): boolean => symbol === "matmul";

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const product = (numbers: readonly number[]): number => numbers.reduce((total, each) => total * each, 1);

type Sizes = ReadonlyMap<string, number>;
const sizesOf = ({ outer, inner }: Kernel, variant: number): Sizes =>
  new Map([...outer, ...inner].map(({ letter, size }) => [letter, size[variant]!]));

function operandBytes(kernel: Kernel, i: number, place: Place, sizes: Sizes, variant: number): number {
  const operand = kernel.operands[i]!;
  const isLookedUp = operand.atStrides.length > 0;
  const letters = isLookedUp ? lettersOfReads(kernel, i) : lettersOf(operand, variant);
  const points = product(letters.map((letter) => sizes.get(letter)!));
  const elements = Math.min(points, elementsOf(place, variant));
  return elements * numBytesOf[operand.dtype] * (operand.role === "both" ? 2 : 1);
}

const lettersOf = ({ strides }: KernelOperand, variant: number): readonly string[] =>
  Object.entries(strides).flatMap(([letter, stride]) => (stride[variant] === 0 ? [] : [letter]));

/** The letters at whose places an operand is looked up: all, or the outer ones where no pass over all of them reads it. */
function lettersOfReads({ outer, inner, passes }: Kernel, operand: number): readonly string[] {
  const isReadInside = passes.some((pass) =>
    pass.kind === "reduce"
      ? reads(pass.of, operand)
      : pass.kind === "store" && pass.over === "all" && reads(pass.value, operand),
  );
  return [...outer, ...(isReadInside ? inner : [])].map(({ letter }) => letter);
}

const reads = (value: Scalar, operand: number): boolean =>
  hasScalar(value, (each) => each.kind === "input" && each.input === operand);

const elementsOf = (place: Place, variant: number): number => leavesOf(place)[0]!.numElements[variant]!;

function callBytes({ operands, sizes }: CallLaunch, variant: number): number {
  const known = new Map(sizes.map(({ group, size }) => [group, size[variant]!]));
  const isThere = (stride: Amount): boolean => stride[variant] !== 0;
  return sum(
    operands.map(({ dtype, strides, place }) => {
      const points = product(strides.flatMap(({ group, stride }) => (isThere(stride) ? [known.get(group)!] : [])));
      return Math.min(points, elementsOf(place, variant)) * numBytesOf[dtype];
    }),
  );
}
