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
  const names = new Map<ScalarNode, string>();
  const memory = new MemoryOrder(kernel.operands.length);
  const availableAt = new Map<ScalarNode, number>();
  const known = new Map<ScalarNode, number>();
  /** The first loop before which everything that a node needs has been reduced. */
  const readyAt = (node: ScalarNode): number => {
    const before = known.get(node);
    if (before !== undefined) return before;
    const own = availableAt.get(node) ?? 0;
    const ready = argumentsOf(node).reduce((latest, arg) => Math.max(latest, readyAt(arg)), own);
    known.set(node, ready);
    return ready;
  };
  const reduces: { readonly at: number; readonly pass: ReducePass }[] = [];
  const stores: { readonly at: number; readonly over: "outer" | "all"; readonly pass: StorePass }[] = [];
  const hasInner = kernel.inner.some(({ size }) => constantOf(size) !== 1);
  for (const pass of kernel.passes) {
    if (pass.kind === "let") {
      const node = nodes.of(pass.value);
      nodes.bind(pass.name, node);
      if (!names.has(node)) names.set(node, pass.name);
    } else if (pass.kind === "reduce") {
      const of = nodes.of(pass.of);
      if (!hasInner) {
        // One element: it is its own sum and maximum.
        nodes.bind(pass.name, of);
        continue;
      }
      const at = Math.max(readyAt(of), memory.afterStores(of));
      memory.read(of, at);
      const result = nodes.declare(pass.name, resultType(of.type));
      availableAt.set(result, at + 1);
      reduces.push({ at, pass: { kind: "reduce", name: pass.name, by: pass.by, of, result } });
    } else {
      const value = nodes.of(pass.value);
      const over = hasInner ? pass.over : "outer";
      const at = Math.max(readyAt(value), memory.afterStores(value), memory.beforeStore(pass.operand));
      memory.read(value, at);
      memory.store(pass.operand, over === "all" ? at : at - 1);
      stores.push({ at, over, pass: { kind: "store", operand: pass.operand, value } });
    }
  }
  const numStages = Math.max(
    0,
    ...reduces.map(({ at }) => at + 1),
    ...stores.filter(({ over }) => over === "all").map(({ at }) => at + 1),
  );
  const stages = Array.from({ length: numStages }, (_, at) => ({
    before: stores.filter((store) => store.at === at && store.over === "outer").map(({ pass }) => pass),
    reduces: reduces.filter((reduce) => reduce.at === at).map(({ pass }) => pass),
    stores: stores.filter((store) => store.at === at && store.over === "all").map(({ pass }) => pass),
  }));
  const after = stores.filter(({ at, over }) => over === "outer" && at >= numStages).map(({ pass }) => pass);
  const roots = [...reduces.map(({ pass }) => pass.of), ...stores.map(({ pass }) => pass.value)];
  return { nodes, stages, after, names, roots };
}

const resultType = (type: ValueType): ValueType => (type === "float" || type === "number" ? "float" : "integer");

/** Keeps reads and stores of the same operand in the order of the passes. */
class MemoryOrder {
  readonly #lastRead: number[];
  readonly #lastStore: number[];

  constructor(numOperands: number) {
    this.#lastRead = new Array<number>(numOperands).fill(0);
    this.#lastStore = new Array<number>(numOperands).fill(-1);
  }

  /** The first loop in which a value is read after what has been stored where it reads. */
  afterStores(value: ScalarNode): number {
    return [...operandsReadBy(value)].reduce((latest, k) => Math.max(latest, this.#lastStore[k]! + 1), 0);
  }
  /** The first loop in which an operand may be stored: not before it has been read. */
  beforeStore(operand: number): number {
    return Math.max(this.#lastRead[operand]!, this.#lastStore[operand]! + 1);
  }
  read(value: ScalarNode, at: number): void {
    for (const k of operandsReadBy(value)) this.#lastRead[k] = Math.max(this.#lastRead[k]!, at);
  }
  store(operand: number, at: number): void {
    this.#lastStore[operand] = at;
  }
}
