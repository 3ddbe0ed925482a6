// The passes of a kernel grouped for loops over the inner letters: passes that do not need each other's results share
// one. Before, between and behind the loops stand the stores of the outer letters.
import type { Kernel } from "../../src/ir/scheduled.js";
import { constantOf, isAlways } from "./amount.js";
import { argumentsOf, operandsReadBy, type ScalarNode, ScalarNodes, type ValueType } from "./scalar-node.js";

export interface ReducePass {
  readonly kind: "reduce";
  readonly name: string;
  readonly by: "sum" | "max";
  readonly of: ScalarNode;
  /** The node that stands for its result. */
  readonly result: ScalarNode;
}
export interface StorePass {
  readonly kind: "store";
  readonly operand: number;
  readonly value: ScalarNode;
}

export interface Stage {
  /** For each point of the outer letters, before the loop. */
  readonly before: readonly StorePass[];
  readonly reduces: readonly ReducePass[];
  /** For each point of all letters. */
  readonly stores: readonly StorePass[];
}

export interface Stages {
  readonly nodes: ScalarNodes;
  readonly stages: readonly Stage[];
  /** For each point of the outer letters, behind all loops. */
  readonly after: readonly StorePass[];
  /** What the kernel calls a node. */
  readonly names: ReadonlyMap<ScalarNode, string>;
  /** Every value that is reduced or stored. */
  readonly roots: readonly ScalarNode[];
}

/** The passes of a kernel as nodes, in loops. */
export function stagesOf(kernel: Kernel): Stages {
  const sizes = new Map([...kernel.outer, ...kernel.inner].map(({ letter, size }) => [letter, size]));
  const numbers = new Map(kernel.numbers.map(({ name, value }) => [name, value]));
  const nodes = new ScalarNodes({
    operandTypes: kernel.operands.map(({ dtype }) => dtype),
    isWholeNumber: (attribute) => {
      const number = numbers.get(attribute);
      if (!number) throw new Error(`kernel ${kernel.name} has no number ${attribute}`);
      return number.kind !== "amount" || number.amount.every(Number.isSafeInteger);
    },
    isSingle: (letter) => isAlways(sizes.get(letter)!, 1),
  });
  const hasInner = kernel.inner.some(({ size }) => constantOf(size) !== 1);
  const names = new Map<ScalarNode, string>();
  const ready = new ReadyTimes();
  const reduces: { readonly at: number; readonly pass: ReducePass }[] = [];
  const stores: Placed[] = [];
  for (const pass of kernel.passes) {
    if (pass.kind === "let") {
      const node = nodes.of(pass.value);
      nodes.bind(pass.name, node);
      if (!names.has(node)) names.set(node, pass.name);
    } else if (pass.kind === "store") {
      const value = nodes.of(pass.value);
      const over = hasInner ? pass.over : "outer";
      stores.push({ at: ready.of(value), over, pass: { kind: "store", operand: pass.operand, value } });
    } else {
      const of = nodes.of(pass.of);
      if (!hasInner) {
        // One element: it is its own sum and maximum.
        nodes.bind(pass.name, of);
        continue;
      }
      const at = ready.of(of);
      const result = nodes.declare(pass.name, resultType(of.type));
      ready.set(result, at + 1);
      reduces.push({ at, pass: { kind: "reduce", name: pass.name, by: pass.by, of, result } });
    }
  }
  const placed = afterReads(
    stores,
    reduces.map(({ at, pass }) => ({ at, value: pass.of })),
  );
  const numStages = Math.max(
    0,
    ...reduces.map(({ at }) => at + 1),
    ...placed.filter(({ over }) => over === "all").map(({ at }) => at + 1),
  );
  const stages = Array.from({ length: numStages }, (_, at) => ({
    before: placed.filter((store) => store.at === at && store.over === "outer").map(({ pass }) => pass),
    reduces: reduces.filter((reduce) => reduce.at === at).map(({ pass }) => pass),
    stores: placed.filter((store) => store.at === at && store.over === "all").map(({ pass }) => pass),
  }));
  const after = placed.filter(({ at, over }) => over === "outer" && at >= numStages).map(({ pass }) => pass);
  const roots = [...reduces.map(({ pass }) => pass.of), ...stores.map(({ pass }) => pass.value)];
  return { nodes, stages, after, names, roots };
}

/** A store in loop `at`; one for the outer letters stands before that loop. */
interface Placed {
  readonly at: number;
  readonly over: "outer" | "all";
  readonly pass: StorePass;
}

/** An operand that is overwritten means everywhere what was there before: no store comes before a loop that reads it. */
function afterReads(
  stores: readonly Placed[],
  reads: readonly { readonly at: number; readonly value: ScalarNode }[],
): readonly Placed[] {
  const lastRead = new Map<number, number>();
  const note = (value: ScalarNode, at: number): void => {
    for (const operand of operandsReadBy(value)) lastRead.set(operand, Math.max(lastRead.get(operand) ?? -1, at));
  };
  for (const { value, at } of reads) note(value, at);
  let placed = stores;
  for (let isStable = false; !isStable; ) {
    // What is read for the outer letters alone is read before the loop that it stands before.
    for (const { at, over, pass } of placed) note(pass.value, over === "all" ? at : at - 1);
    const next = placed.map((store) => {
      const last = lastRead.get(store.pass.operand) ?? -1;
      return { ...store, at: Math.max(store.at, store.over === "all" ? last : last + 1) };
    });
    isStable = next.every(({ at }, i) => at === placed[i]!.at);
    placed = next;
  }
  return placed;
}

/** The first loop before which everything that a node needs has been reduced. */
class ReadyTimes {
  readonly #known = new Map<ScalarNode, number>();

  set(result: ScalarNode, at: number): void {
    this.#known.set(result, at);
  }
  of(node: ScalarNode): number {
    const known = this.#known.get(node);
    if (known !== undefined) return known;
    const at = argumentsOf(node).reduce((latest, arg) => Math.max(latest, this.of(arg)), 0);
    this.#known.set(node, at);
    return at;
  }
}

const resultType = (type: ValueType): ValueType => (type === "float" || type === "number" ? "float" : "integer");
