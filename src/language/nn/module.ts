// Modules: layers that hold parameters, buffers and other modules as plain fields. Names are paths of fields.
import { Buffer, Parameter } from "../tensor.js";

/** A part of a module that has a name: a field, or an item of a list or record of modules. */
type Member = readonly [name: string, value: unknown];

export abstract class Module {
  /** Whether layers such as dropout behave as in training. */
  training = true;

  /** Fields, in the order in which they were made. Lists of modules name their items by number. */
  members(): Member[] {
    return Object.entries(this);
  }

  *namedChildren(): Generator<[string, Module]> {
    for (const [name, value] of this.members()) if (value instanceof Module) yield [name, value];
  }
  children(): Module[] {
    return [...this.namedChildren()].map(([, child]) => child);
  }
  /** This module (by the name `prefix`) and everything inside, outermost first. */
  *namedModules(prefix = ""): Generator<[string, Module]> {
    yield [prefix, this];
    for (const [name, child] of this.namedChildren()) yield* child.namedModules(joinPath(prefix, name));
  }
  modules(): Module[] {
    return [...this.namedModules()].map(([, module]) => module);
  }
  /** The parameters and buffers that are fields of this module itself. */
  namedOwnStates(): [string, Parameter | Buffer][] {
    return this.members().filter(
      (member): member is [string, Parameter | Buffer] => member[1] instanceof Parameter || member[1] instanceof Buffer,
    );
  }
  /** Every path of every parameter: a tied parameter has several. */
  *parameterPaths(prefix = ""): Generator<[string, Parameter]> {
    for (const [name, value] of this.members()) if (value instanceof Parameter) yield [joinPath(prefix, name), value];
    for (const [name, child] of this.namedChildren()) yield* child.parameterPaths(joinPath(prefix, name));
  }
  /** Parameters by their first path; a tied parameter once. */
  *namedParameters(prefix = ""): Generator<[string, Parameter]> {
    const seen = new Set<Parameter>();
    for (const [path, parameter] of this.parameterPaths(prefix)) {
      if (seen.has(parameter)) continue;
      seen.add(parameter);
      yield [path, parameter];
    }
  }
  parameters(): Parameter[] {
    return [...this.namedParameters()].map(([, parameter]) => parameter);
  }
  *namedBuffers(prefix = ""): Generator<[string, Buffer]> {
    for (const [name, value] of this.members())
      if (value instanceof Buffer && !(value instanceof Parameter)) yield [joinPath(prefix, name), value];
    for (const [name, child] of this.namedChildren()) yield* child.namedBuffers(joinPath(prefix, name));
  }
  /** Calls `visit` for every module inside, innermost first, and then for this one. */
  apply(visit: (module: Module) => void): this {
    for (const child of this.children()) child.apply(visit);
    visit(this);
    return this;
  }
  train(mode = true): this {
    this.training = mode;
    for (const child of this.children()) child.train(mode);
    return this;
  }
  eval(): this {
    return this.train(false);
  }
  /** Freezes (`false`) or thaws every parameter inside. */
  requiresGrad_(value = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(value);
    return this;
  }
  /** Number of elements of all parameters; tied ones count once. */
  numParameters(): number {
    return this.parameters().reduce((n, parameter) => n + parameter.numel(), 0);
  }
  /** Gives the module's own parameters their first values; parts do that themselves. */
  resetParameters(): void {}
}

export const joinPath = (prefix: string, name: string): string => (prefix === "" ? name : `${prefix}.${name}`);
