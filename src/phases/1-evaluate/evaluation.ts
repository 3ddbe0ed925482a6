// What every part of the evaluator shares: the journal, the flow of control, the call stack that gives places, budgets.
import { Diagnosed, diagnosed } from "../../diagnostics/diagnostic.js";
import { constructs } from "../../diagnostics/messages/language.js";
import type { MessageArguments, MessageId } from "../../diagnostics/messages.js";
import type { Origin, SourcePlace } from "../../ir/origin.js";
import { Flow, type FlowHooks, Restart, type Target } from "./flow.js";
import { type Frontend, placeIn, ts } from "./frontend.js";
import { HostBuilder } from "./host-builder.js";
import { Journal } from "./journal.js";

/** Meanings of what the library only declares, by file and name, and operations on values that are not JavaScript's. */
export interface Intrinsics {
  find(name: string): unknown;
  /** Modules that are not TypeScript sources. */
  module(specifier: string): object | null;
  /** Whether a value is the tracer's (a tensor), on which operators mean nothing. */
  isTensor(value: unknown): boolean;
  /** A parameter or buffer, whose truth is its presence (`if (module.bias)`). */
  isState(value: unknown): boolean;
  /** Runs a method of `receiver`. */
  inScope<T>(receiver: unknown, body: () => T): T;
  /** The user calls a value by a name. */
  name(value: unknown, name: string): void;
  /** A loop that the compiler unrolls runs over `count` rounds; `round` is called before each. */
  unrolls(): { round(): void; end(): void };
}

export interface Call {
  readonly node: ts.Node;
  /** The function that the call is in. */
  readonly inside: string;
  /** Its place and those of the calls around it, once somebody has asked. */
  origin: Origin | null | undefined;
}

const placeOf = (node: ts.Node): SourcePlace => {
  const file = node.getSourceFile();
  return placeIn(file, node.getStart(file), node.getEnd());
};

/** Names of kinds of nodes; several kinds also have names as the first or last of a group. */
const kindNames: Record<number, string> = {};
for (const [name, kind] of Object.entries(ts.SyntaxKind))
  if (typeof kind === "number" && !/^(First|Last)/.test(name)) kindNames[kind] ??= name;

const maxDepth = 900;

export class Evaluation {
  readonly journal = new Journal();
  readonly builder = new HostBuilder();
  readonly flow: Flow;
  readonly stack: Call[] = [];
  /** The expression or statement being evaluated, and the function that it is in. */
  at: ts.Node;
  inside = "";
  private steps = 0;
  /** Evaluated functions and classes, and what messages call them. */
  readonly evaluated = new WeakSet<object>();
  /** Evaluated classes and where they are written. */
  readonly classes = new WeakMap<object, ts.Node>();

  constructor(
    readonly frontend: Frontend,
    readonly intrinsics: Intrinsics,
    hooks: Omit<FlowHooks, "origin" | "refuseCollection" | "refuseType" | "refuseExit">,
    private readonly maxSteps = 20_000_000,
  ) {
    this.at = frontend.entry;
    this.flow = new Flow(this.journal, this.builder, {
      ...hooks,
      origin: () => this.origin(),
      refuseType: (name, type, value) => {
        throw this.fail("run-time-type-changes", name, type, value === null ? "null" : `a ${typeof value}`);
      },
      refuseExit: () => {
        throw this.unsupported("generator-in-control");
      },
      refuseCollection: (changedAt) => {
        throw diagnosed(changedAt ?? this.origin(), "list-grows-at-run-time");
      },
    });
  }

  step(): void {
    if (++this.steps > this.maxSteps) throw this.fail("endless-at-build-time", "this");
  }

  /** The innermost place in the user's own files, and the calls that led there; in the library where there is none. */
  origin(node: ts.Node = this.at): Origin | null {
    const place = this.ownPlaceOf(node);
    const caller = this.originOfCall(this.stack.length - 1);
    if (place) return { place, inside: this.inside, caller };
    return caller ?? { place: placeOf(node), inside: this.inside, caller: null };
  }
  private originOfCall(index: number): Origin | null {
    const call = this.stack[index];
    if (!call) return null;
    if (call.origin === undefined) {
      const place = this.ownPlaceOf(call.node);
      const caller = this.originOfCall(index - 1);
      call.origin = place ? { place, inside: call.inside, caller } : caller;
    }
    return call.origin;
  }
  /** Null in the library. */
  private ownPlaceOf(node: ts.Node): SourcePlace | null {
    let place = this.places.get(node);
    if (place === undefined) {
      place = this.frontend.isLibrary(node.getSourceFile()) ? null : placeOf(node);
      this.places.set(node, place);
    }
    return place;
  }
  private readonly places = new Map<ts.Node, SourcePlace | null>();

  fail<I extends MessageId>(id: I, ...args: MessageArguments<I>): Diagnosed {
    return diagnosed(this.origin(), id, ...args);
  }
  failAt<I extends MessageId>(node: ts.Node, id: I, ...args: MessageArguments<I>): Diagnosed {
    return diagnosed(this.origin(node), id, ...args);
  }
  /** At the name of a class. */
  failAtClass<I extends MessageId>(Class: object, id: I, ...args: MessageArguments<I>): Diagnosed {
    const node = this.classes.get(Class);
    const place = node ? this.ownPlaceOf(node) : null;
    return diagnosed(place ? { place, inside: "", caller: null } : this.origin(), id, ...args);
  }
  /** Calls of the stack, innermost first, with their origins. */
  *calls(): Generator<{ readonly node: ts.Node; readonly originOf: (node: ts.Node) => Origin | null }> {
    for (let i = this.stack.length - 1; i >= 0; i--) {
      const { node, inside } = this.stack[i]!;
      const originOf = (other: ts.Node): Origin | null => {
        const place = this.ownPlaceOf(other);
        return place && { place, inside, caller: this.originOfCall(i - 1) };
      };
      yield { node, originOf };
    }
  }
  /** A construct by its name in the list, or in words. */
  unsupported(construct: keyof typeof constructs, node: ts.Node = this.at): Diagnosed {
    const [what, help] = constructs[construct];
    return this.failAt(node, "not-supported", what, help);
  }
  unknownKind(what: string, node: ts.Node): Diagnosed {
    return this.failAt(node, "not-supported", `${what} (${kindNames[node.kind]})`);
  }
  /** Not an error of the user's code: no `catch` of theirs sees it. */
  isOurs(fault: unknown): boolean {
    return fault instanceof Diagnosed || fault instanceof Restart;
  }

  /** Into a function from the current place, outside of every branch, loop and function around; gives what `leaveCall` needs. */
  enterCall(name: string): { at: ts.Node; inside: string; targets: readonly Target[] } {
    const outer = { at: this.at, inside: this.inside, targets: this.flow.targets.splice(0) };
    this.stack.push({ node: this.at, inside: this.inside, origin: undefined });
    this.inside = name;
    return outer;
  }
  leaveCall({ at, inside, targets }: { at: ts.Node; inside: string; targets: readonly Target[] }): void {
    this.stack.pop();
    this.at = at;
    this.inside = inside;
    this.flow.targets.splice(0, Number.POSITIVE_INFINITY, ...targets);
  }

  /** Runs `body` as a call made at the current place. */
  call<T>(name: string, body: () => T): T {
    if (this.stack.length > maxDepth) throw this.fail("recursion-too-deep");
    const [at, inside] = [this.at, this.inside];
    this.stack.push({ node: at, inside, origin: undefined });
    this.inside = name;
    try {
      return body();
    } catch (fault) {
      if (fault instanceof RangeError && fault.message === "Maximum call stack size exceeded")
        throw this.fail("recursion-too-deep");
      throw fault;
    } finally {
      this.stack.pop();
      this.at = at;
      this.inside = inside;
    }
  }
}
