// Modules made of modules.
import type { Tensor } from "../tensor.js";
import { Module } from "./module.js";

/** Any module that maps one tensor to one. */
export interface Layer extends Module {
  forward(x: Tensor): Tensor;
}

/** Modules one after the other: `x` goes through all of them. */
export class Sequential extends Module {
  readonly layers: readonly Layer[];
  constructor(...layers: readonly Layer[]) {
    super();
    this.layers = layers;
  }
  override members(): [string, unknown][] {
    return this.layers.map((layer, i) => [String(i), layer]);
  }
  forward(x: Tensor): Tensor {
    let y = x;
    for (const layer of this.layers) y = layer.forward(y);
    return y;
  }
}

/** A list of modules; iterate over it to use them. */
export class ModuleList<M extends Module> extends Module {
  readonly items: M[];
  constructor(items: Iterable<M> = []) {
    super();
    this.items = [...items];
  }
  override members(): [string, unknown][] {
    return this.items.map((item, i) => [String(i), item]);
  }
  get length(): number {
    return this.items.length;
  }
  at(index: number): M {
    const item = this.items.at(index);
    if (item === undefined) throw new Error(`there is no module ${index} in a list of ${this.items.length}`);
    return item;
  }
  append(item: M): this {
    this.items.push(item);
    return this;
  }
  [Symbol.iterator](): Iterator<M> {
    return this.items[Symbol.iterator]();
  }
}

/** Modules by name. */
export class ModuleDict<M extends Module> extends Module {
  readonly items: { readonly [name: string]: M };
  constructor(items: { readonly [name: string]: M }) {
    super();
    this.items = items;
  }
  override members(): [string, unknown][] {
    return Object.entries(this.items);
  }
  get(name: string): M {
    const item = this.items[name];
    if (item === undefined)
      throw new Error(`there is no module "${name}"; there are ${Object.keys(this.items).join(", ")}`);
    return item;
  }
}

/** Its input. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** Merges dims `start` to `end`. */
export class Flatten extends Module {
  constructor(
    readonly start = 1,
    readonly end = -1,
  ) {
    super();
  }
  forward(x: Tensor): Tensor {
    return x.flatten(this.start, this.end);
  }
}
