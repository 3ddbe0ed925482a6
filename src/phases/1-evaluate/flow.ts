// Control flow on run-time values. Both sides of a branch are evaluated, each from the state before it; what they change
// differently becomes a host variable, assigned at the end of each side. A loop is evaluated again and again until every
// slot that its rounds change is such a variable: numbers become cells, and the evaluation starts again at the outermost
// branch or loop that is younger than them. Leaving early (return, break, continue) joins at the place it leads to.
// Long: branches, loops and early exits are one mechanism.
import type { Origin } from "../../ir/origin.js";
import { Cell, type CellContext } from "./cells.js";
import { Hole, type HostBuilder, type Item } from "./host-builder.js";
import { isSame, type JoinHooks, Joins, sameScalarType } from "./joins.js";
import type { Frame, Journal, Slot } from "./journal.js";
import { expressionOf, isScalar, type RunTime, type Scalar, truth } from "./run-time.js";

/** How a statement ended; null: normally. `gone`: every path has left already. */
export type Completion =
  | null
  | { readonly kind: "return"; readonly value: unknown }
  | { readonly kind: "break" | "continue"; readonly label: string | null }
  | { readonly kind: "gone" };

interface Exit {
  readonly changes: Frame;
  readonly hole: Hole;
  readonly value: unknown;
}
/** Where paths join: the end of a function, of a loop, of a round. */
export interface Target {
  readonly kind: "return" | "break" | "continue";
  readonly names: readonly (string | null)[];
  readonly depth: number;
  /** Made when a path leaves to it. */
  label: string | null;
  readonly name: string;
  readonly exits: Exit[];
  readonly statement: "leave" | "break";
}

export interface FlowHooks extends JoinHooks {
  /** Tensor work so far becomes a graph run here. */
  beforeControl(): void;
  origin(): Origin | null;
  /** A path leaves a generator under a condition that only the running program knows. */
  refuseExit(): never;
  refuseType: CellContext["refuseType"];
  /** Tensor work since the last control is forgotten. */
  dropOpen(): void;
}

/** A branch or loop that is being evaluated. */
interface Control {
  readonly start: number;
  readonly wanted: Set<Slot>;
}
/** Thrown to a control that has to be evaluated anew, with the wanted slots as cells. */
export class Restart {
  constructor(readonly control: Control) {}
}

export class Flow {
  readonly targets: Target[] = [];
  private readonly controls: Control[] = [];
  private readonly joins: Joins;
  private tries = 0;
  constructor(
    readonly journal: Journal,
    readonly builder: HostBuilder,
    private readonly hooks: FlowHooks,
  ) {
    this.joins = new Joins(journal, hooks);
  }

  /** A new host variable, set to `initial` here. */
  cell(name: string, initial: Scalar): Cell {
    return new Cell(name, initial, { builder: this.builder, ...this.hooks });
  }
  /** Whether what was made at `birth` is younger than every branch and loop around. */
  isInside(birth: number): boolean {
    const innermost = this.controls.at(-1);
    return innermost === undefined || birth >= innermost.start;
  }
  /** Runs what a `try` guards. */
  caught<T>(body: () => T): T {
    this.tries++;
    try {
      return body();
    } finally {
      this.tries--;
    }
  }
  get isInControl(): boolean {
    return this.controls.length > 0;
  }
  get isCaught(): boolean {
    return this.tries > 0;
  }
  /** Paths that have left to somewhere so far. */
  get numExits(): number {
    return this.targets.reduce((n, { exits }) => n + exits.length, 0);
  }

  /** Evaluates a branch or loop, again with more cells where it asks for them. */
  private control(evaluate: (control: Control) => Completion): Completion {
    const { journal, builder, targets } = this;
    this.hooks.beforeControl();
    const [depth, tries] = [journal.depth, this.tries];
    const marks = targets.map(({ exits }) => exits.length);
    let before = builder.current.length;
    for (;;) {
      const control: Control = { start: journal.now, wanted: new Set() };
      this.controls.push(control);
      try {
        return evaluate(control);
      } catch (fault) {
        while (journal.depth > depth) journal.undo();
        targets.forEach(({ exits }, i) => exits.splice(marks[i]!));
        this.tries = tries;
        if (!(fault instanceof Restart) || fault.control !== control) throw fault;
        builder.current.splice(before);
        this.hooks.dropOpen();
        for (const slot of control.wanted) this.makeCell(slot);
        before = builder.current.length;
      } finally {
        this.controls.pop();
      }
    }
  }

  /** A slot becomes a cell here; paths that have left before give it the value that it had there. */
  private makeCell(slot: Slot): void {
    const cell = this.cell(slot.name, slot.read() as Scalar);
    for (const { exits, depth } of this.targets)
      for (const { changes, hole } of exits) {
        const value = changes.has(slot) ? changes.get(slot) : this.journal.valueAt(depth, slot);
        if (isScalar(value)) hole.assignments.push({ variable: cell.variable, value: expressionOf(value) });
      }
    slot.becomeCell!(cell);
  }

  /**
   * Evaluates `body`; null if it gives up, and then it is as if it had not begun. `hasLeft` says whether paths have left
   * from inside by what only the running program knows.
   */
  attempt(body: (hasLeft: () => boolean, giveUp: () => never) => Completion): { completion: Completion } | null {
    const { journal, builder, targets } = this;
    const mark = {};
    let hasGivenUp = false;
    const completion = this.control(() => {
      const [depth, exits, before] = [journal.depth, this.numExits, builder.current.length];
      const marks = targets.map((target) => target.exits.length);
      const giveUp = (): never => {
        throw mark;
      };
      journal.open();
      try {
        const ended = body(() => this.numExits > exits, giveUp);
        journal.keep();
        return ended;
      } catch (fault) {
        if (fault !== mark) throw fault;
        while (journal.depth > depth) journal.undo();
        targets.forEach((target, i) => target.exits.splice(marks[i]!));
        builder.current.splice(before);
        this.hooks.dropOpen();
        hasGivenUp = true;
        return null;
      }
    });
    return hasGivenUp ? null : { completion };
  }

  /** These slots change from round to round: the outermost control that is younger than one makes them cells. */
  private restart(slots: Iterable<Slot>): never {
    let first = this.controls.length - 1;
    for (const slot of slots) {
      const at = this.controls.findIndex(({ start }) => slot.birth < start);
      this.controls[at]!.wanted.add(slot);
      first = Math.min(first, at);
    }
    throw new Restart(this.controls[first]!);
  }

  /** `if (condition)`: both sides, joined. */
  branch(condition: RunTime, sides: readonly [() => Completion, () => Completion]): Completion {
    return this.control(() => this.evaluateBranch(condition, sides));
  }
  private evaluateBranch(condition: RunTime, sides: readonly [() => Completion, () => Completion]): Completion {
    const { journal, builder } = this;
    const depth = journal.depth;
    const results = sides.map((side) => {
      journal.open();
      let completion: Completion = null;
      const block = builder.block(() => {
        completion = side();
        this.hooks.beforeControl();
      });
      const changes = journal.changesSince(depth);
      const target = this.targetOf(completion);
      const outer = target ? journal.changesSince(target.depth) : changes;
      journal.undo();
      return { completion: completion as Completion, block, changes, target, outer };
    });
    const [a, b] = results as [(typeof results)[0], (typeof results)[0]];
    const origin = this.hooks.origin();
    const bothReturn = a.completion?.kind === "return" && b.completion?.kind === "return";
    const stays = results.filter(
      ({ completion }) => completion === null || (bothReturn && completion.kind === "return"),
    );
    for (const result of results) {
      if (stays.includes(result) || result.completion?.kind === "gone") continue;
      const hole = new Hole(origin);
      result.block.push(hole, this.leaving(result.target!, origin));
      const value = result.completion?.kind === "return" ? result.completion.value : undefined;
      result.target!.exits.push({ changes: result.outer, hole, value });
    }
    const holes = stays.map(({ block }) => {
      const hole = new Hole(origin);
      block.push(hole);
      return hole;
    });
    const merged = this.joins.mergeChanges(
      stays.map(({ changes }) => changes),
      holes,
      (slot) => slot.read(),
    );
    const valueOf = ({ completion }: (typeof results)[0]): unknown => completion?.kind === "return" && completion.value;
    const value = bothReturn ? this.joins.merge("result", [valueOf(a), valueOf(b)], holes) : undefined;
    builder.emit({ kind: "if", condition: truth(condition).expression, then: a.block, otherwise: b.block, origin });
    for (const [slot, now] of merged) journal.write(slot, now);
    if (stays.length === 0) return { kind: "gone" };
    return bothReturn ? { kind: "return", value } : null;
  }

  /** While `body` runs paths may leave to `target`; also where it is given up, nobody leaves there afterwards. */
  private towards<T>(target: Target, body: () => T): T {
    this.targets.push(target);
    try {
      return body();
    } finally {
      this.targets.pop();
    }
  }

  /** Runs `body` up to a join that paths inside may leave to. */
  joined(kind: Target["kind"], names: readonly (string | null)[], name: string, body: () => Completion): Completion {
    const { journal, builder } = this;
    const target: Target = {
      kind,
      names,
      depth: journal.depth,
      label: null,
      name,
      exits: [],
      statement: "leave",
    };
    journal.open();
    const block = builder.current;
    const start = block.length;
    let completion: Completion;
    try {
      completion = this.towards(target, body);
    } catch (fault) {
      journal.keep();
      throw fault;
    }
    if (target.exits.length === 0) {
      journal.keep();
      return completion;
    }
    this.hooks.beforeControl();
    const origin = this.hooks.origin();
    const arrives = completion === null || this.isFor(target, completion);
    if (arrives) {
      const hole = new Hole(origin);
      builder.emit(hole);
      const value = completion?.kind === "return" ? completion.value : undefined;
      target.exits.push({ changes: journal.changesSince(target.depth), hole, value });
    }
    const before = new Map(
      target.exits.flatMap(({ changes }) =>
        [...changes.keys()].map((slot) => [slot, journal.valueAt(target.depth, slot)] as const),
      ),
    );
    const holes = target.exits.map(({ hole }) => hole);
    const merged = this.joins.mergeChanges(
      target.exits.map(({ changes }) => changes),
      holes,
      (slot) => before.get(slot),
    );
    const value =
      kind === "return"
        ? this.joins.merge(
            "result",
            target.exits.map((exit) => exit.value),
            holes,
          )
        : undefined;
    journal.undo();
    for (const [slot, now] of merged) journal.write(slot, now);
    builder.emit({ kind: "scope", name, label: this.labelOf(target), body: block.splice(start), origin });
    if (!arrives && completion?.kind !== "gone") return completion;
    return kind === "return" ? { kind: "return", value } : null;
  }

  /** `while (condition) body; update` with a condition that only the running program knows. */
  loop(
    names: readonly (string | null)[],
    condition: () => RunTime,
    body: () => Completion,
    update: () => void,
  ): Completion {
    return this.control(() => this.evaluateLoop(names, condition, body, update));
  }
  private evaluateLoop(
    names: readonly (string | null)[],
    condition: () => RunTime,
    body: () => Completion,
    update: () => void,
  ): Completion {
    const { journal, builder } = this;
    const carried = new Map<Slot, unknown>();
    const label = builder.label("loop");
    for (;;) {
      const marks = this.targets.map(({ exits }) => exits.length);
      const depth = journal.depth;
      const origin = this.hooks.origin();
      const target: Target = { kind: "break", names, depth, label, name: "", exits: [], statement: "break" };
      journal.open();
      for (const [slot, head] of carried) journal.write(slot, head);
      let test!: RunTime;
      const prefix = builder.block(() => {
        test = truth(condition());
        this.hooks.beforeControl();
      });
      const hole = new Hole(origin);
      let isBack = false;
      const rounds = builder.block(() =>
        this.towards(target, () => {
          const completion = this.joined("continue", names, "", body);
          if (
            completion !== null &&
            completion.kind !== "gone" &&
            !(completion.kind === "continue" && this.isFor({ ...target, kind: "continue" }, completion))
          )
            this.leaveNow(completion);
          else if (completion?.kind !== "gone") {
            update();
            this.hooks.beforeControl();
            isBack = true;
          }
          builder.emit(hole);
        }),
      );
      const back = isBack ? journal.changesSince(depth) : new Map<Slot, unknown>();
      const ends = [{ changes: back, hole }, ...target.exits];
      const found = new Map<Slot, readonly [unknown, unknown]>();
      for (const { changes } of ends)
        for (const [slot, value] of changes)
          if (!carried.has(slot) && !slot.isCell) {
            const before = journal.valueAt(depth, slot);
            if (!isSame(before, value)) found.set(slot, [before, value]);
          }
      const numbers = [...found].filter(([slot, values]) => slot.becomeCell !== null && sameScalarType(values));
      if (numbers.length > 0) this.restart(numbers.map(([slot]) => slot));
      if (found.size > 0) {
        journal.undo();
        this.targets.forEach(({ exits }, i) => exits.splice(marks[i]!));
        for (const [slot, [before, value]] of found)
          carried.set(slot, this.joins.mergeSlot(slot, [before, value], null));
        continue;
      }
      for (const end of ends)
        for (const [slot, head] of carried)
          if (end.changes.has(slot)) this.joins.assign(head, end.changes.get(slot), end.hole);
      journal.undo();
      const entry = new Hole(origin);
      for (const [slot, head] of carried) this.joins.assign(head, slot.read(), entry);
      builder.emit(entry);
      const stop: Item = { kind: "break", label, origin };
      const guard: Item = {
        kind: "if",
        condition: { kind: "unary", operator: "!", operand: test.expression },
        then: [stop],
        otherwise: [],
        origin,
      };
      builder.emit({
        kind: "while",
        condition: { kind: "literal", value: true },
        body: [...prefix, guard, ...rounds],
        label,
        origin,
      });
      for (const [slot, head] of carried) journal.write(slot, head);
      return null;
    }
  }

  /** Leaves to where a completion leads, from the current block. */
  private leaveNow(completion: NonNullable<Completion>): void {
    const target = this.targetOf(completion);
    if (!target) return;
    this.hooks.beforeControl();
    const origin = this.hooks.origin();
    const hole = new Hole(origin);
    this.builder.emit(hole);
    this.builder.emit(this.leaving(target, origin));
    const value = completion.kind === "return" ? completion.value : undefined;
    target.exits.push({ changes: this.journal.changesSince(target.depth), hole, value });
  }

  private leaving = (target: Target, origin: Origin | null): Item => ({
    kind: target.statement,
    label: this.labelOf(target),
    origin,
  });
  private labelOf(target: Target): string {
    target.label ??= this.builder.label(target.name || target.kind);
    return target.label;
  }

  private isFor(target: Target, completion: NonNullable<Completion>): boolean {
    if (completion.kind === "gone" || completion.kind !== target.kind) return false;
    return completion.kind === "return" || target.names.includes(completion.label);
  }
  private targetOf(completion: Completion): Target | null {
    if (completion === null || completion.kind === "gone") return null;
    for (const target of [...this.targets].reverse()) {
      if (this.isFor(target, completion)) return target;
    }
    return this.hooks.refuseExit();
  }
}
