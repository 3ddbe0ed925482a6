// Modules: layers that hold parameters, buffers and other modules as plain fields. Names are paths of fields.
import { Buffer, Parameter } from "../tensor.js";

/** A part of a module that has a name: a field, or an item of a list or record of modules. */
type Member = readonly [name: string, value: unknown];

/**
 * The base of layers and models. Parameters, buffers and modules in plain fields are found by themselves; their names
 * are the paths of fields.
 */
export abstract class Module {
  /** Whether layers such as dropout behave as in training. */
  training = true;

  /** Fields, in the order in which they were made. Lists of modules name their items by number. */
  members(): Member[] {
    return Object.entries(this);
  }

  namedChildren(): [string, Module][] {
    return this.members().filter((member): member is [string, Module] => member[1] instanceof Module);
  }
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child);
  }
  /** This module (by the name `prefix`) and everything inside, outermost first. */
  namedModules(prefix = ""): [string, Module][] {
    const inside = this.namedChildren().flatMap(([name, child]) => child.namedModules(joinPath(prefix, name)));
    return [[prefix, this], ...inside];
  }
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }
  /** The parameters and buffers that are fields of this module itself. */
  namedOwnStates(): [string, Parameter | Buffer][] {
    return this.members().filter(
      (member): member is [string, Parameter | Buffer] => member[1] instanceof Parameter || member[1] instanceof Buffer,
    );
  }
  /** Every path of every parameter: a tied parameter has several. */
  parameterPaths(prefix = ""): [string, Parameter][] {
    const own = this.members().filter((member): member is [string, Parameter] => member[1] instanceof Parameter);
    const inside = this.namedChildren().flatMap(([name, child]) => child.parameterPaths(joinPath(prefix, name)));
    return [...own.map(([name, value]): [string, Parameter] => [joinPath(prefix, name), value]), ...inside];
  }
  /** Parameters by their first path; a tied parameter once. */
  namedParameters(prefix = ""): [string, Parameter][] {
    const seen = new Set<Parameter>();
    return this.parameterPaths(prefix).filter(([, parameter]) => {
      const isNew = !seen.has(parameter);
      seen.add(parameter);
      return isNew;
    });
  }
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }
  namedBuffers(prefix = ""): [string, Buffer][] {
    const own = this.members().filter(
      (member): member is [string, Buffer] => member[1] instanceof Buffer && !(member[1] instanceof Parameter),
    );
    const inside = this.namedChildren().flatMap(([name, child]) => child.namedBuffers(joinPath(prefix, name)));
    return [...own.map(([name, value]): [string, Buffer] => [joinPath(prefix, name), value]), ...inside];
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
