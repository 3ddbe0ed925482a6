// One kernel over many tensors, such as an optimizer over its parameters, as one function: a table says where the tensors
// lie, and threads share chunks of all of them. Chunks depend on the sizes alone; so do results that are sums.
import type { Amount, Kernel, Place, TableLaunch } from "../../src/ir/scheduled.js";
import { type CppNames, cppIdentifier } from "../cpp-text.js";
import { dividedUp, fixedAmount, largest, plus } from "../kernel/amount.js";
import { type AmountNames, type KernelFunction, kernelContext } from "../kernel/kernel-context.js";
import { type LoopLetter, loopLetters } from "../kernel/loop-letters.js";
import { LoopWriter } from "../kernel/loop-writer.js";
import { declareResult, growResult, typeOfResult } from "../kernel/reduction-text.js";
import { cppElementTypes, cppValueTypes } from "../kernel/scalar-text.js";
import { type Stage, type Stages, stagesOf } from "../kernel/stages.js";
import { writeStageBody, writeStores } from "../kernel/stores.js";
import { type Column, columnOf, rowTable } from "../kernel/table-rows.js";
import { simdPragma } from "./reductions.js";

export interface TableFunction extends Omit<KernelFunction, "parameters" | "declarations"> {
  /** The table, to stand in front of the function. */
  readonly table: readonly string[];
  readonly declarations: readonly string[];
  /** What the function is called with, in order. */
  readonly parameters: readonly TableParameter[];
}
export type TableParameter =
  | KernelFunction["parameters"][number]
  | { readonly kind: "rows"; readonly table: string }
  | { readonly kind: "variant" }
  | { readonly kind: "chunks"; readonly count: Amount }
  | { readonly kind: "area"; readonly area: "states" | "arena" }
  /** An array of numbers of the host code, called `name`. */
  | { readonly kind: "values"; readonly name: string; readonly type: string; readonly values: readonly Place[] };

const elementsOfChunk = 16384;
/** Results of chunks lie on the stack. */
const mostChunks = 32768;

/** `names` are those of the file, `what` the function's own name. */
export function tableFunction(launch: TableLaunch, what: string, amounts: AmountNames, names: CppNames): TableFunction {
  const { kernel, rows } = launch;
  const stages = stagesOf(kernel);
  const columns = kernel.operands.map((operand, k) => columnOf(launch, k, cppIdentifier(operand.name)));
  const zero = fixedAmount(0, rows[0]!.size);
  const total = rows.reduce((sum, { size }) => plus(sum, size), zero);
  const chunk = Math.max(elementsOfChunk, Math.ceil(largest(total) / mostChunks));
  const firstChunks: Amount[] = [];
  let numChunks = zero;
  for (const { size } of rows) {
    firstChunks.push(numChunks);
    numChunks = plus(numChunks, dividedUp(size, chunk));
  }
  const type = names.declare(`${what[0]!.toUpperCase()}${what.slice(1)}Row`);
  const tableName = names.declare(`${what}Rows`);
  const table = rowTable(launch, columns, firstChunks, type, tableName);
  const context = kernelContext(
    kernel,
    stages,
    columns.map(({ kind }) => kind === "value" || kind === "choice"),
    amounts,
  );
  for (const name of ["rows", "numChunks", "states", "arena", "row", "variant"]) context.names.declare(name);
  const w = new LoopWriter(context.facts, context.names);
  writeTable(w, { kernel, stages, columns, type, chunk, numChunks, field: table.field });
  const made = context.function(w.finish());
  const kept = made.parameters.flatMap(
    (parameter, i): readonly { parameter: TableParameter; declaration: string }[] => {
      const declaration = made.declarations[i]!;
      const column = parameter.kind === "operand" ? columns[parameter.operand]! : null;
      if (column?.kind === "field") return [];
      if (column?.kind !== "choice") return [{ parameter, declaration }];
      const [type, name] = declaration.split(" ") as [string, string];
      const values = { kind: "values", name: `${name}s`, type, values: column.values } as const;
      return [{ parameter: values, declaration: `const ${type}* ${name}s` }];
    },
  );
  const usedAreas = (["states", "arena"] as const).filter((area) =>
    columns.some((column) => column.kind === "field" && (column.area === area || column.area === "either")),
  );
  return {
    table: table.lines,
    parameters: [
      { kind: "rows", table: tableName },
      { kind: "chunks", count: numChunks },
      ...(table.isByVariant ? [{ kind: "variant" } as const] : []),
      ...usedAreas.map((area) => ({ kind: "area", area }) as const),
      ...kept.map(({ parameter }) => parameter),
    ],
    declarations: [
      `dream::Span<${type}> rows`,
      "std::int64_t numChunks",
      ...(table.isByVariant ? ["int variant"] : []),
      ...usedAreas.map((area) => `std::byte* ${area}`),
      ...kept.map(({ declaration }) => declaration),
    ],
    body: made.body,
  };
}

interface Writing {
  readonly kernel: Kernel;
  readonly stages: Stages;
  readonly columns: readonly Column[];
  readonly type: string;
  readonly chunk: number;
  readonly numChunks: Amount;
  readonly field: (name: string) => string;
}

function writeTable(w: LoopWriter, writing: Writing): void {
  const { kernel, stages } = writing;
  const loop = loopLetters(kernel, [...kernel.outer, ...kernel.inner])[0] ?? oneElement(kernel);
  const [stage, ...others] = stages.stages;
  if (!stage) {
    writeChunks(w, writing, [], () => {
      writeElements(w, loop, null, () => writeStores(w, stages.after, new Set()));
    });
    return;
  }
  if (others.length > 0 || stage.before.length > 0)
    throw new Error(`${kernel.name} reduces and stores in a way that no table has`);
  writeReduction(w, writing, loop, stage);
}

/** All tensors of the table have one element: the letter is gone. */
const oneElement = (kernel: Kernel): LoopLetter => ({
  letters: ["n"],
  size: [...kernel.outer, ...kernel.inner][0]!.size,
  strides: kernel.operands.map(({ strides }) => strides.n ?? [0]),
});

function writeReduction(w: LoopWriter, writing: Writing, loop: LoopLetter, stage: Stage): void {
  const { stages, numChunks, chunk, field } = writing;
  const passes = stage.reduces.map((pass) => ({
    pass,
    parts: w.declare(`${pass.name}Parts`),
    name: w.declare(pass.name),
  }));
  for (const { pass, parts } of passes) w.line(`${cppValueTypes[typeOfResult(pass)]} ${parts}[${largest(numChunks)}];`);
  writeChunks(
    w,
    writing,
    passes.map(({ parts }) => parts),
    () => {
      for (const { pass, name } of passes) w.line(declareResult(pass, name));
      writeElements(w, loop, simdPragma(passes), () => writeStageBody(w, stage, passes, new Set()));
      for (const { name, parts } of passes) w.line(`${parts}[chunk] = ${name};`);
    },
  );
  const row = `const ${writing.type}& row = rows[i];`;
  w.block(["for (std::size_t i = 0; i < rows.size; ++i) {"], [], () => {
    w.line(row);
    writeOperands(w, writing, "row.", (k) => stages.after.some(({ operand }) => operand === k));
    for (const { pass, name } of passes) w.line(declareResult(pass, name));
    const first = `row.${field("firstChunk")}`;
    w.line(`const std::int64_t end = ${first} + (row.${field("numElements")} + ${chunk - 1}) / ${chunk};`);
    w.block([`for (std::int64_t chunk = ${first}; chunk < end; ++chunk) {`], [], () => {
      for (const { pass, name, parts } of passes) w.line(growResult(pass, name, `${parts}[chunk]`));
    });
    for (const { pass, name } of passes) w.setResult(pass.result, name);
    writeStores(w, stages.after, new Set());
  });
}

function writeChunks(w: LoopWriter, writing: Writing, references: readonly string[], body: () => void): void {
  const { chunk, stages, field } = writing;
  const captures = ["=", ...references.map((name) => `&${name}`)].join(", ");
  w.block(
    [`dream::parallelFor(numChunks, 1, [${captures}](std::int64_t begin, std::int64_t end) {`],
    [],
    () => {
      w.line("std::size_t at = 0;");
      w.block(["for (std::int64_t chunk = begin; chunk < end; ++chunk) {"], [], () => {
        w.line(`while (at + 1 < rows.size && chunk >= rows[at + 1].${field("firstChunk")}) ++at;`);
        w.line(`const ${writing.type}& row = rows[at];`);
        w.line(`const std::int64_t first = (chunk - row.${field("firstChunk")}) * ${chunk};`);
        w.line(`const std::int64_t last = std::min<std::int64_t>(first + ${chunk}, row.${field("numElements")});`);
        const isReduction = stages.stages.length > 0;
        writeOperands(w, writing, "row.", (k) => !isReduction || stages.after.every(({ operand }) => operand !== k));
        body();
      });
    },
    "});",
  );
}

function writeOperands(
  w: LoopWriter,
  { kernel, columns, field }: Writing,
  row: string,
  isWanted: (k: number) => boolean,
): void {
  columns.forEach((column, k) => {
    if (column.kind === "choice") {
      const { name } = w.facts.operands[k]!;
      w.line(`const auto ${name} = ${name}s[${row}${column.name}Number];`);
      w.bindOperand(k);
    }
    if (column.kind !== "field" || !isWanted(k)) return;
    const { dtype, role } = kernel.operands[k]!;
    const type = `${role === "read" ? "const " : ""}${cppElementTypes[dtype]}`;
    const area = column.area === "either" ? `${row}${column.name}IsState ? states : arena` : column.area;
    const name = w.facts.operands[k]!.name;
    w.line(`${type}* const ${name} = dream::at<${type}>(${area}, ${row}${field(column.name)});`);
    w.bindOperand(k);
  });
}

function writeElements(w: LoopWriter, loop: LoopLetter, pragma: string | null, body: () => void): void {
  const index = w.declareIndex("i");
  w.block(
    [pragma ?? "#pragma omp simd", `for (std::int64_t ${index} = first; ${index} < last; ++${index}) {`],
    [{ name: index, loop }],
    body,
  );
}
