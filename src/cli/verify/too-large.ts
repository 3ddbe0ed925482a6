// Whether a program is small enough to be run here, twice.
import type { LogicalGraph, LogicalValue, Step } from "../../ir/graph.js";
import { numRanks, onRanks } from "../../ir/mesh.js";
import type { Program } from "../../ir/program.js";
import type { TensorType } from "../../ir/tensor-type.js";
import { describeBytes } from "../program/bytes.js";
import { UsageError } from "../usage-error.js";
import type { Side } from "./side.js";

/** Multiplications and additions of a graph: some minutes for all steps on a few cores. */
const mostOperations = 2e12;
/** Of the memory that is free. */
const memoryShare = 0.7;

/** Throws a UsageError that names the config values that shape it. */
export function refuseTooLarge(sides: readonly Side[], freeBytes = process.availableMemory()): void {
  const [, alone] = sides;
  const bytes = Math.max(...sides.map(bytesOf));
  const operations = Math.max(...[...alone!.logical.graphs.values()].map(operationsOf));
  if (bytes <= memoryShare * freeBytes && operations <= mostOperations) return;
  throw new UsageError(
    `this program is too large to be verified here: it needs ${describeBytes(bytes)} (of ${describeBytes(freeBytes)} ` +
      `that are free) and ${operations.toExponential(0)} operations a step`,
    `set some of these smaller with --set: ${shapingValues(alone!.logical).join(", ")}`,
  );
}

/** Of all its ranks together. */
function bytesOf({ scheduled, numRanks: size }: Side): number {
  const variant = scheduled.variants.find(({ degrees }) => numRanks(onRanks(degrees)) === size);
  if (!variant) throw new Error(`there is no variant for ${size} ranks`);
  const { areas } = variant;
  return areas.reduce((sum, { stateBytes, arenaBytes }) => sum + (size / areas.length) * (stateBytes + arenaBytes), 0);
}

export const operationsOf = ({ steps }: LogicalGraph): number => operationsIn(steps);

const operationsIn = (steps: readonly Step<"logical">[]): number =>
  steps.reduce((sum, step) => {
    if (step.kind === "repeat") return sum + step.count * operationsIn(step.body);
    if (step.kind === "gradient") return sum;
    return sum + step.op.cost(typesOf(step.inputs), typesOf(step.outputs), step.attrs).flops;
  }, 0);

const typesOf = (values: readonly LogicalValue[]): readonly TensorType[] => values.map(({ type }) => type);

const shapingValues = ({ config }: Program<"logical">): readonly string[] =>
  config
    .filter(({ path, value, fixed }) => fixed && typeof value === "number" && value > 1 && !/^deviceParam/.test(path))
    .map(({ path, value }) => `${path}=${value}`);
