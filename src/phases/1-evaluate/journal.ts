// What evaluation changes is journaled, so that both sides of a run-time branch, and a run-time loop until its variables
// are found, can be evaluated, compared and undone.

import type { Origin } from "../../ir/origin.js";
import { type Cell, defineCell } from "./cells.js";

/** A place that holds a value: a variable, a property, the contents of a collection. */
export interface Slot {
  readonly name: string;
  /** Serial number at which its holder was made; 0 if unknown. */
  readonly birth: number;
  read(): unknown;
  write(value: unknown): void;
  /** From now on a host variable holds the value; null where that is impossible. */
  readonly becomeCell: ((cell: Cell) => void) | null;
  readonly isCell: boolean;
}

/** Stands for a property that is not there. */
export const absent = Symbol("absent");

/** A variable. Reading one before its declaration has run is JavaScript's temporal dead zone. */
export class Variable implements Slot {
  value: unknown = absent;
  /** Set where the value is a host variable of the program. */
  cell: Cell | null = null;
  constructor(
    readonly name: string,
    readonly birth: number,
    readonly isConstant: boolean,
  ) {}
  /** What a program that reads the variable gets. */
  get current(): unknown {
    return this.cell ? this.cell.read() : this.value;
  }
  read(): unknown {
    return this.value;
  }
  write(value: unknown): void {
    this.value = value;
  }
  becomeCell(cell: Cell): void {
    this.cell = cell;
  }
  get isCell(): boolean {
    return this.cell !== null;
  }
}

class PropertySlot implements Slot {
  constructor(
    private readonly holder: object,
    private readonly key: PropertyKey,
    readonly birth: number,
  ) {}
  get name(): string {
    return String(this.key);
  }
  read(): unknown {
    const own = Object.getOwnPropertyDescriptor(this.holder, this.key);
    return own ? own.value : absent;
  }
  becomeCell(cell: Cell): void {
    defineCell(this.holder, this.key, cell);
  }
  /** Accessors are not values: what they do is journaled where they do it. */
  get isCell(): boolean {
    const own = Object.getOwnPropertyDescriptor(this.holder, this.key);
    return own !== undefined && !("value" in own);
  }
  write(value: unknown): void {
    if (this.isCell) return;
    if (value === absent) Reflect.deleteProperty(this.holder, this.key);
    else Object.defineProperty(this.holder, this.key, { value, writable: true, enumerable: true, configurable: true });
  }
}

/** All of an array, map or set. */
export class ContentsSlot implements Slot {
  readonly name = "a collection";
  readonly becomeCell = null;
  readonly isCell = false;
  /** Where it changed last under run-time control. */
  changedAt: Origin | null = null;
  constructor(
    private readonly holder: unknown[] | Map<unknown, unknown> | Set<unknown>,
    readonly birth: number,
  ) {}
  read(): readonly unknown[] {
    return [...this.holder];
  }
  write(value: unknown): void {
    const items = value as readonly unknown[];
    if (Array.isArray(this.holder)) this.holder.splice(0, this.holder.length, ...items);
    else {
      this.holder.clear();
      for (const item of items)
        if (this.holder instanceof Map) this.holder.set(...(item as [unknown, unknown]));
        else this.holder.add(item);
    }
  }
}

export type Frame = Map<Slot, unknown>;

export class Journal {
  private readonly frames: { readonly changed: Frame; readonly start: number }[] = [];
  private readonly births = new WeakMap<object, number>();
  private readonly properties = new WeakMap<object, Map<PropertyKey, Slot>>();
  private readonly contents = new WeakMap<object, ContentsSlot>();
  private serial = 1;

  /** Serial number of now: what is made later has a higher one. */
  get now(): number {
    return this.serial;
  }
  birthOf(holder: object): number {
    return this.births.get(holder) ?? 0;
  }

  get depth(): number {
    return this.frames.length;
  }

  /** Notes that `holder` was made now. */
  born<T extends object>(holder: T): T {
    this.births.set(holder, this.serial++);
    return holder;
  }

  variable(name: string, isConstant: boolean): Variable {
    return new Variable(name, this.serial++, isConstant);
  }

  property(holder: object, key: PropertyKey): Slot {
    let slots = this.properties.get(holder);
    if (!slots) this.properties.set(holder, (slots = new Map()));
    let slot = slots.get(key);
    if (!slot) slots.set(key, (slot = new PropertySlot(holder, key, this.births.get(holder) ?? 0)));
    return slot;
  }

  collection(holder: unknown[] | Map<unknown, unknown> | Set<unknown>): ContentsSlot {
    let slot = this.contents.get(holder);
    if (!slot) this.contents.set(holder, (slot = new ContentsSlot(holder, this.births.get(holder) ?? 0)));
    return slot;
  }

  /** Before a slot is written. */
  note(slot: Slot): void {
    const top = this.frames.at(-1);
    if (top && slot.birth < top.start && !top.changed.has(slot)) top.changed.set(slot, slot.read());
  }

  write(slot: Slot, value: unknown): void {
    this.note(slot);
    slot.write(value);
  }

  open(): void {
    this.frames.push({ changed: new Map(), start: this.serial });
  }

  /** Keeps the changes of the innermost frame. */
  keep(): void {
    const { changed } = this.frames.pop()!;
    const parent = this.frames.at(-1);
    if (!parent) return;
    for (const [slot, before] of changed)
      if (slot.birth < parent.start && !parent.changed.has(slot)) parent.changed.set(slot, before);
  }

  /** Undoes the changes of the innermost frame. */
  undo(): void {
    for (const [slot, before] of [...this.frames.pop()!.changed].reverse()) slot.write(before);
  }

  /** What has changed since the frame at `depth` was opened, as it is now. */
  changesSince(depth: number): Frame {
    const now: Frame = new Map();
    const start = this.frames[depth]!.start;
    for (const { changed } of this.frames.slice(depth))
      for (const slot of changed.keys()) if (slot.birth < start) now.set(slot, slot.read());
    return now;
  }

  /** What a slot held when the frame at `depth` was opened. */
  valueAt(depth: number, slot: Slot): unknown {
    for (const { changed } of this.frames.slice(depth)) if (changed.has(slot)) return changed.get(slot);
    return slot.read();
  }
}
