// One function of the language as a graph, and what it gives in the interpreter: nothing but the function is run.
import { join } from "node:path";
import type { LogicalGraph } from "../../src/ir/graph.js";
import type { HostVariable } from "../../src/ir/host.js";
import { runGraph } from "../../src/ir/interpret.js";
import type { NdArray } from "../../src/ir/nd.js";
import type { DType } from "../../src/ir/tensor-type.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { inEvaluation } from "../../src/phases/1-evaluate/evaluate.js";
import { Tensor } from "../../src/phases/1-evaluate/trace/tensor.js";
import { parsed } from "../evaluate/parsed.js";

export interface Operand extends NdArray {
  readonly dtype?: DType;
}
/** Numbers nested by dims as an operand. */
export function nd(values: unknown, dtype: DType = "f32"): Operand {
  const shape: number[] = [];
  for (let at = values; Array.isArray(at); at = at[0]) shape.push(at.length);
  const flat = (Array.isArray(values) ? values.flat(Number.POSITIVE_INFINITY) : [values]) as number[];
  return { shape, data: Float64Array.from(flat), dtype };
}
/** Numbers that differ from place to place, in [-1, 1]. */
export const wavy = (shape: readonly number[], seed = 1): Operand => ({
  shape,
  data: Float64Array.from({ length: shape.reduce((n, size) => n * size, 1) }, (_, i) => Math.sin(i * 1.7 + seed * 0.9)),
});

/** Runs functions that `functions/<file>` exports; each is traced with the types of its operands. */
export function functionsOf(file: string): (name: string, ...operands: readonly Operand[]) => readonly NdArray[] {
  return (name, ...operands) => {
    const graph = traceFunction(join(import.meta.dirname, "functions", file), name, operands);
    const [problem] = verifyGraph(graph);
    if (problem) throw new Error(problem.message);
    const { results } = runGraph(graph, (source) => operands[Number(source.kind === "batch" && source.field)]!);
    return [...results.values()];
  };
}

const traceFunction = (file: string, name: string, operands: readonly Operand[]): LogicalGraph =>
  inEvaluation(file, { checkTypes: false, parsed }, ({ tracer, exported }) => {
    const batch: HostVariable = { name: "batch", type: "batch", kept: false, initial: null };
    const inputs = operands.map(
      ({ shape, dtype = "f32" }, i) =>
        new Tensor(tracer, { kind: "batch", variable: batch, field: String(i) }, { shape, dtype }),
    );
    const result = (exported(name) as (...tensors: readonly Tensor[]) => Tensor | readonly Tensor[])(...inputs);
    const { segment } = tracer;
    for (const tensor of result instanceof Tensor ? [result] : result) segment.result(tracer.valueOf(tensor));
    return segment.finish(
      () => true,
      () => undefined,
    )!.graph;
  });
