// Reductions across memory: the elements of one sum lie a row apart, those of neighbouring sums side by side. The loop
// over columns goes inside: a tile of columns has its results in an array, and all rows are added to it.
import { dividedUp, largest } from "../kernel/amount.js";
import type { ColumnLoops } from "../kernel/choose-loops.js";
import { dependsOn, guardReads } from "../kernel/guard-reads.js";
import type { LoopLetter } from "../kernel/loop-letters.js";
import type { LoopWriter } from "../kernel/loop-writer.js";
import { indexName, numPoints, writeIndices, writeNest } from "../kernel/nests.js";
import { grow, startOf, typeOfResult } from "../kernel/reduction-text.js";
import { argumentsOf, type ScalarNode } from "../kernel/scalar-node.js";
import { concreteType, costOf, cppValueTypes } from "../kernel/scalar-text.js";
import type { ReducePass, Stage, Stages } from "../kernel/stages.js";
import { overwrittenReads, writeStores } from "../kernel/stores.js";
import { costPerElement, grainFor, writeShared } from "./work.js";

/** The widest tile that still gives threads something to share. */
function tileFor({ outer, column }: ColumnLoops): number {
  for (const tile of [512, 256, 128, 64, 32])
    if (numPoints(outer) * Math.ceil(largest(column.size) / tile) >= 16) return tile;
  return 16;
}

export function writeColumns(w: LoopWriter, loops: ColumnLoops, all: Stages): void {
  const { outer, column, inner } = loops;
  const { stages, safe } = guardReads(all, column);
  const size = tileFor(loops);
  const tile: LoopLetter = {
    letters: column.letters,
    size: dividedUp(column.size, size),
    strides: column.strides,
  };
  const count = outer.reduce((n, each) => n.map((x, variant) => x * each.size[variant]!), tile.size);
  const grain = Math.max(1, Math.floor(grainFor(costPerElement(stages.roots)) / (size * numPoints(inner))));
  const variables = outer.map((loop) => ({ name: indexName(w, loop, "row"), loop }));
  const [number, first, width] = [w.declareIndex("tile"), w.declareIndex("first"), w.declareIndex("width")];
  const item = outer.length === 0 ? number : w.declareIndex("item");
  const shared = { count, grain, name: item, variables: [...variables, { name: first, loop: column }], references: [] };
  writeShared(w, shared, () => {
    if (item !== number) writeIndices(w, item, [...variables, { name: number, loop: tile }]);
    w.line(`const std::int64_t ${first} = ${number} * ${size};`);
    const end = w.facts.amountText(column.size, "numColumns");
    w.line(`const std::int64_t ${width} = std::min<std::int64_t>(${size}, ${end} - ${first});`);
    writeTile(w, { inner, column, size, width }, stages, safe);
  });
}

interface Tile {
  readonly inner: readonly LoopLetter[];
  readonly column: LoopLetter;
  /** How many columns there is room for, and the text of how many there are. */
  readonly size: number;
  readonly width: string;
}

function writeTile(w: LoopWriter, tile: Tile, stages: Stages, safe: ReadonlySet<ScalarNode>): void {
  const { column, inner, size, width } = tile;
  const index = w.declare("column");
  const overColumns = columnLoop(w, column, index, width);
  stages.stages.forEach((stage, at) => {
    if (stage.before.length > 0) overColumns(() => writeStores(w, stage.before, safe));
    const results = stage.reduces.map((pass) => ({ pass, name: w.declare(pass.name) }));
    for (const { pass, name } of results) declareArray(w, pass, name, size);
    writeNest(w, inner, null, () => overColumns(() => writePoint(w, stage, results, index, safe)));
    for (const { pass, name } of results) w.setResult(pass.result, `${name}[${index}]`, index);
    const later = stages.stages
      .slice(at + 1)
      .flatMap((each) => [...each.reduces.map(({ of }) => of), ...each.stores.map(({ value }) => value)]);
    writeColumnValues(w, later, tile, index, overColumns, stages.names);
  });
  if (stages.after.length > 0) overColumns(() => writeStores(w, stages.after, safe));
}

/** Writes loops over the columns, which all have the same running index. */
export const columnLoop =
  (w: LoopWriter, column: LoopLetter, index: string, width: string) =>
  (body: () => void): void =>
    w.block(
      ["#pragma omp simd", `for (std::int64_t ${index} = 0; ${index} < ${width}; ++${index}) {`],
      [{ name: index, loop: column }],
      body,
    );

function declareArray(w: LoopWriter, pass: ReducePass, name: string, size: number): void {
  const type = cppValueTypes[typeOfResult(pass)];
  if (pass.by === "sum") w.line(`${type} ${name}[${size}] = {};`);
  else {
    w.line(`${type} ${name}[${size}];`);
    w.line(`std::fill_n(${name}, ${size}, ${startOf(pass)});`);
  }
}

/** What happens at one place of a stage's loops. */
export function writePoint(
  w: LoopWriter,
  stage: Stage,
  results: readonly { readonly pass: ReducePass; readonly name: string }[],
  index: string,
  safe: ReadonlySet<ScalarNode>,
): void {
  const roots = [...stage.reduces.map(({ of }) => of), ...stage.stores.map(({ value }) => value)];
  const write = w.plan(roots, new Set([...safe, ...overwrittenReads(stage.stores)]));
  for (const { pass, name } of results) grow(w, pass, `${name}[${index}]`, write);
  for (const { operand, value } of stage.stores) w.store(operand, value, write);
}

/** What later rows need of each column, such as its mean, is computed once for the column. */
function writeColumnValues(
  w: LoopWriter,
  roots: readonly ScalarNode[],
  { inner, size }: Tile,
  index: string,
  overColumns: (body: () => void) => void,
  names: ReadonlyMap<ScalarNode, string>,
): void {
  const found = new Set<ScalarNode>();
  const seen = new Set<ScalarNode>();
  const isSettled = (node: ScalarNode): boolean => !inner.some((loop) => dependsOn(node, loop)) && w.isKnown(node);
  const visit = (node: ScalarNode): void => {
    if (seen.has(node) || w.hasResult(node)) return;
    seen.add(node);
    if (node.kind === "apply" && costOf(node.fn) + node.args.length > 2 && isSettled(node)) found.add(node);
    else argumentsOf(node).forEach(visit);
  };
  roots.forEach(visit);
  if (found.size === 0) return;
  const values = [...found].map((node) => ({ node, name: w.declare(names.get(node) ?? "columnValue") }));
  for (const { node, name } of values) w.line(`${cppValueTypes[concreteType(node.type)]} ${name}[${size}];`);
  overColumns(() => {
    const write = w.plan(values.map(({ node }) => node));
    for (const { node, name } of values) w.line(`${name}[${index}] = ${write(node, concreteType(node.type)).text};`);
  });
  for (const { node, name } of values) w.setResult(node, `${name}[${index}]`, index);
}
