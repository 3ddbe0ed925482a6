// A cell is a number, boolean or text that changes while the program runs: one host variable that stands for a variable
// or a property. A write is an assignment at its place. What was read before a later write lives on in a copy, made where
// it was read; copies that nobody needs go when host code is simplified.
import type { HostVariable } from "../../ir/host.js";
import type { Origin } from "../../ir/origin.js";
import type { HostBuilder } from "./host-builder.js";
import { expressionOf, isScalar, RunTime, type Scalar, typeOfScalar } from "./run-time.js";

interface ReadNode {
  readonly kind: "read";
  variable: HostVariable;
}

export interface CellContext {
  readonly builder: HostBuilder;
  origin(): Origin | null;
  refuseType(name: string, type: string, value: unknown): never;
}

export class Cell {
  readonly variable: HostVariable;
  /** Reads since the last write. */
  private reads: { node: ReadNode; copy: HostVariable | null }[] = [];

  constructor(
    name: string,
    initial: Scalar,
    private readonly context: CellContext,
  ) {
    this.variable = { name, type: typeOfScalar(initial), kept: false, initial: null };
    const { builder } = context;
    builder.emit({
      kind: "let",
      variable: this.variable,
      value: expressionOf(initial),
      origin: context.origin(),
    });
  }

  read(): RunTime {
    const { variable, context } = this;
    const origin = context.origin();
    const entry: { node: ReadNode; copy: HostVariable | null } = { node: { kind: "read", variable }, copy: null };
    this.reads.push(entry);
    context.builder.emit({
      kind: "deferred",
      make: () =>
        entry.copy === null ? [] : [{ kind: "let", variable: entry.copy, value: { kind: "read", variable }, origin }],
    });
    return new RunTime(entry.node, variable.type as RunTime["type"]);
  }

  write(value: unknown): void {
    const { variable, context } = this;
    if (!isScalar(value) || typeOfScalar(value) !== variable.type)
      return context.refuseType(variable.name, variable.type, value);
    for (const entry of this.reads) {
      entry.copy = { ...variable, name: `${variable.name}Before` };
      entry.node.variable = entry.copy;
    }
    this.reads = [];
    context.builder.emit({ kind: "assign", variable, value: expressionOf(value), origin: context.origin() });
  }
}

/** A value that `runtime(…)` made: the variable or property that holds it first becomes a cell. */
export class Fresh extends RunTime {}

const cellsOfGetters = new WeakMap<() => unknown, Cell>();

/** `holder[key]` becomes the cell. */
export function defineCell(holder: object, key: PropertyKey, cell: Cell): void {
  const get = (): unknown => cell.read();
  cellsOfGetters.set(get, cell);
  const set = (value: unknown): void => cell.write(value);
  Object.defineProperty(holder, key, { get, set, enumerable: typeof key !== "symbol", configurable: true });
}

/** The cells of what can be reached from an object by properties, with their paths; a cell by its shortest path. */
export function* reachableCells(root: object): Generator<readonly [path: string, cell: Cell]> {
  const seen = new Set<object>([root]);
  let level: (readonly [string, object])[] = [["", root]];
  while (level.length > 0) {
    const next: (readonly [string, object])[] = [];
    for (const [path, holder] of level)
      for (const key of Reflect.ownKeys(holder)) {
        const own = Object.getOwnPropertyDescriptor(holder, key)!;
        const name = typeof key === "symbol" ? (key.description ?? "").replace("#", "") : key;
        const full = path === "" ? name : `${path}.${name}`;
        const cell = own.get && cellsOfGetters.get(own.get);
        if (cell) yield [full, cell];
        const value: unknown = own.value;
        if (typeof value !== "object" || value === null || seen.has(value)) continue;
        seen.add(value);
        next.push([full, value]);
      }
    level = next;
  }
}
