// Where names are looked up, and what `this` and `super` mean there.
import type { Variable } from "./journal.js";

export interface FunctionContext {
  /** Undefined before `super(…)` has run in a derived class. */
  thisValue: unknown;
  isThisReady: boolean;
  /** The object that methods are defined on: `super.x` is looked up in its prototype. */
  readonly home: object | null;
  readonly newTarget: unknown;
  /** Makes `this` by calling the base class; null outside of constructors of derived classes. */
  readonly construct: ((args: unknown[]) => void) | null;
}

export class Scope {
  /** Most scopes declare nothing. */
  private names: Map<string, Variable> | null = null;
  constructor(
    readonly parent: Scope | null,
    readonly context: FunctionContext,
    /** `import * as nn` and the like: names that are looked up when they are used. */
    private readonly lazy: ReadonlyMap<string, () => unknown> | null = null,
  ) {}

  declare(variable: Variable): void {
    this.names ??= new Map();
    this.names.set(variable.name, variable);
  }
  own(name: string): Variable | undefined {
    return this.names?.get(name);
  }
  find(name: string): Variable | (() => unknown) | null {
    for (let scope: Scope | null = this; scope; scope = scope.parent) {
      const found = scope.names?.get(name) ?? scope.lazy?.get(name);
      if (found) return found;
    }
    return null;
  }
  *allNames(): Generator<string> {
    for (let scope: Scope | null = this; scope; scope = scope.parent) {
      if (scope.names) yield* scope.names.keys();
      if (scope.lazy) yield* scope.lazy.keys();
    }
  }
  inner(): Scope {
    return new Scope(this, this.context);
  }
}
