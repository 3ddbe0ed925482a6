// What happens at one point of a kernel's loops: values that grow, and stores.
import type { LoopWriter } from "./loop-writer.js";
import { grow } from "./reduction-text.js";
import { nodesBelow, type ScalarNode } from "./scalar-node.js";
import type { Stage, StorePass } from "./stages.js";

/** Stores in order. */
export function writeStores(w: LoopWriter, stores: readonly StorePass[], safe: ReadonlySet<ScalarNode>): void {
  const values = stores.map(({ value }) => value);
  const write = w.plan(values, new Set([...safe, ...overwrittenReads(stores)]));
  for (const { operand, value } of stores) w.store(operand, value, write);
}

/** What a store overwrites and a later one needs: it is read before. */
export function overwrittenReads(stores: readonly StorePass[]): readonly ScalarNode[] {
  const stored = new Set<number>();
  return stores.flatMap(({ operand, value }) => {
    const reads = nodesBelow([value]).filter((node) => node.kind === "input" && stored.has(node.operand));
    stored.add(operand);
    return reads;
  });
}

/** What happens at one point of a stage's loop. */
export function writeStageBody(
  w: LoopWriter,
  stage: Stage,
  results: readonly { readonly pass: Stage["reduces"][number]; readonly name: string }[],
  safe: ReadonlySet<ScalarNode>,
): void {
  const roots = [...stage.reduces.map(({ of }) => of), ...stage.stores.map(({ value }) => value)];
  const write = w.plan(roots, new Set([...safe, ...overwrittenReads(stage.stores)]));
  for (const { pass, name } of results) grow(w, pass, name, write);
  for (const { operand, value } of stage.stores) w.store(operand, value, write);
}
