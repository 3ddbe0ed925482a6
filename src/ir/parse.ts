// Reads the text that `print.ts` writes. Of the user's source only file and line are in the text, so origins come back
// without columns and callers; everything else is as it was: print(parse(text)) is the text.
import { ops } from "../ops/table.js";
import { Cursor, parseAttribute, parseString } from "./attribute-text.js";
import type {
  Choice,
  Graph,
  GraphInput,
  InputSource,
  Level,
  Move,
  MoveKind,
  Phase,
  RepeatStep,
  Step,
  Update,
  Value,
} from "./graph.js";
import type { Origin } from "./origin.js";
import { type Axis, axisOrder, type Cut, type Placement, plainCut, type Reduction } from "./placement.js";
import { parseCut, parsePlacement } from "./placement-text.js";
import type { State } from "./state.js";
import type { DType, TensorType } from "./tensor-type.js";
import type { Around, Turn } from "./turn.js";

/** Throws an `Error` with the line that does not fit. `stateOf` knows the states that the text names. */
export function parseGraph(text: string, stateOf: (name: string) => State): Graph {
  const lines = text.split("\n").map((line) => line.trim());
  const head = new Cursor(lines[0]!);
  const level = head.need(/logical|placed|local/y, "a level") as Level;
  head.take(" graph ");
  const name = parseName(head);
  head.take(" {");
  const reader = new Reader(lines, level, stateOf);
  return reader.graph(name);
}

const moveKinds: readonly MoveKind[] = [
  "all-reduce",
  "reduce-scatter",
  "all-gather",
  "all-to-all",
  "permute",
  "slice",
  "own",
];
const bareName = /[\w.*$-]+/y;

const parseName = (cursor: Cursor): string => cursor.find(bareName)?.[0] ?? parseString(cursor);

class Reader {
  private line = 1;
  private readonly values = new Map<number, Value>();
  constructor(
    private readonly lines: readonly string[],
    private readonly level: Level,
    private readonly stateOf: (name: string) => State,
  ) {}

  graph(name: string): Graph {
    const inputs: GraphInput[] = [];
    const results: { name: string; value: Value }[] = [];
    const updates: Update[] = [];
    const observed: { label: string; value: Value }[] = [];
    for (let cursor = this.opening("input "); cursor; cursor = this.opening("input ")) {
      const value = this.definition(cursor);
      cursor.take(" = ");
      inputs.push({ value, source: this.source(cursor) });
    }
    const steps = this.steps("forward");
    for (let cursor = this.opening("result "); cursor; cursor = this.opening("result "))
      results.push({ name: parseName(cursor), value: this.assigned(cursor) });
    for (let cursor = this.opening("update "); cursor; cursor = this.opening("update "))
      updates.push({ state: this.stateOf(parseName(cursor)), value: this.assigned(cursor) });
    for (let cursor = this.opening("observe "); cursor; cursor = this.opening("observe "))
      observed.push({ label: parseName(cursor), value: this.assigned(cursor) });
    this.closing();
    return { level: this.level, name, inputs, steps, results, updates, observed } as Graph;
  }

  /** The next line, if it begins so; the cursor is behind the beginning. */
  private opening(beginning: string): Cursor | null {
    const cursor = new Cursor(this.lines[this.line] ?? "");
    if (!cursor.has(beginning)) return null;
    this.line++;
    return cursor;
  }

  private closing(): void {
    if (this.lines[this.line] !== "}") new Cursor(this.lines[this.line] ?? "").fail("}");
    this.line++;
  }

  private assigned(cursor: Cursor): Value {
    cursor.take(" = ");
    return this.use(cursor);
  }

  private use(cursor: Cursor): Value {
    cursor.take("%");
    const id = Number(cursor.need(/\d+/y, "a number"));
    return this.values.get(id) ?? cursor.fail(`a value that is known, not %${id},`);
  }
  private readonly uses = (cursor: Cursor): Value[] => cursor.list(() => this.use(cursor));

  private definition(cursor: Cursor, model?: Value): Value {
    cursor.take("%");
    const id = Number(cursor.need(/\d+/y, "a number"));
    let name = "";
    let gradientOf: number | null = null;
    while (cursor.has(" ")) {
      const gradient = cursor.find(/d%(\d+)/y);
      if (gradient) gradientOf = Number(gradient[1]);
      else name = parseName(cursor);
    }
    const own = { id, name, gradientOf };
    const value = (cursor.has(": ") || !model ? { ...own, ...this.nature(cursor) } : { ...model, ...own }) as Value;
    this.values.set(id, value);
    return value;
  }

  private nature(cursor: Cursor): Partial<Value<"local">> {
    const type = parseType(cursor);
    if (this.level === "logical") return { type };
    cursor.take(" ");
    const placement: Placement = parsePlacement(cursor.need(/\[[^\]]*\](?: [+^]\w+)*/y, "a placement"));
    if (this.level === "placed") return { type, placement };
    const turn = cursor.has(" turn(") ? { turn: this.turn(cursor) } : {};
    if (!cursor.has(" filled(")) return { type, placement, filled: type.shape.map(() => null), ...turn };
    const filled = cursor.list(() => {
      const fill = cursor.need(/-?(?:Infinity|\d[\d.]*(?:e[+-]?\d+)?)|-/y, "what the padding holds");
      return fill === "-" ? null : Number(fill);
    });
    cursor.take(")");
    return { type, placement, filled, ...turn };
  }

  private turn(cursor: Cursor): Turn {
    const { axis, by } = this.around(cursor);
    const dim = cursor.has(" of dim ") ? Number(cursor.need(/\d+/y, "a dim")) : -1;
    const number = (): number => Number(cursor.need(/\d+/y, "a round"));
    const rounds = cursor.has(": ") ? cursor.list(number, "+") : [];
    cursor.take(")");
    return { axis, by, dim, rounds };
  }

  private around(cursor: Cursor): Around {
    const axis = parseAxis(cursor);
    cursor.take(" ");
    return { axis, by: Number(cursor.need(/\d+/y, "a number of ranks")) };
  }

  private source(cursor: Cursor): InputSource {
    const kind = cursor.need(/state|batch|scalar|tensor/y, "a source");
    cursor.take(" ");
    const name = parseName(cursor);
    if (kind === "state") return { kind, state: this.stateOf(name) };
    return kind === "batch" ? { kind, field: name } : { kind: kind as "scalar" | "tensor", name };
  }

  private steps(before: Phase): readonly Step[] {
    const steps: Step[] = [];
    let phase = before;
    for (;;) {
      const line = this.lines[this.line];
      const heading = /^(forward|backward|update):$/.exec(line ?? "");
      if (heading) {
        phase = heading[1] as Phase;
        this.line++;
      } else if (line?.startsWith("repeat ")) steps.push(this.repeat(phase));
      else if (line?.startsWith("%")) steps.push(this.step(phase));
      else if (line?.startsWith("send ")) steps.push(this.send(phase));
      else return steps;
    }
  }

  private step(phase: Phase): Step {
    const { cursor, place } = this.marked(phase);
    // Outputs are entered after the inputs are read: a step cannot read what it makes.
    const start = cursor.at;
    cursor.at = cursor.text.indexOf(" = ", start) + 3;
    const action = this.action(cursor);
    const time = this.time(cursor);
    if (!cursor.isDone) cursor.fail("the end of the step");
    cursor.at = start;
    const outputs = cursor.list(() => this.definition(cursor));
    cursor.take(" = ");
    return { ...action, outputs, ...place, ...time } as unknown as Step;
  }

  private send(phase: Phase): Step {
    const { cursor, place } = this.marked(phase);
    cursor.take("send ");
    const inputs = [this.use(cursor)];
    const act = { what: "send", ...this.channel(cursor, " to ") };
    return { kind: "stage", act, inputs, outputs: [], ...place, ...this.time(cursor) } as unknown as Step;
  }

  private channel(cursor: Cursor, toOrFrom: string): { peer: number; channel: number } {
    cursor.take(toOrFrom);
    const peer = Number(cursor.need(/\d+/y, "a stage"));
    cursor.take(" as ");
    return { peer, channel: Number(cursor.need(/\d+/y, "a channel")) };
  }

  private time(cursor: Cursor): { readonly microbatch?: number } {
    return cursor.has(" in ") ? { microbatch: Number(cursor.need(/\d+/y, "a microbatch")) } : {};
  }

  private action(cursor: Cursor): object {
    if (cursor.has("gradient of ")) {
      const loss = this.use(cursor);
      cursor.take(" by ");
      return { kind: "gradient", loss, by: this.uses(cursor) };
    }
    if (cursor.has("move ")) return { kind: "move", ...this.move(cursor) };
    if (cursor.has("receive"))
      return { kind: "stage", act: { what: "receive", ...this.channel(cursor, " from ") }, inputs: [] };
    if (cursor.has("join ")) {
      const { move, inputs } = this.move(cursor);
      return { kind: "stage", act: { what: "join", move }, inputs };
    }
    if (cursor.has("contribute nothing")) return { kind: "stage", act: { what: "contribute" }, inputs: [] };
    if (cursor.has("contribute ")) return { kind: "stage", act: { what: "contribute" }, inputs: [this.use(cursor)] };
    if (cursor.has("join %")) {
      cursor.at--;
      const inputs = this.uses(cursor);
      cursor.take(" over ");
      const axis = parseAxis(cursor);
      cursor.take(" dim ");
      return { kind: "join", axis, dim: Number(cursor.need(/\d+/y, "a dim")), inputs };
    }
    if (cursor.has("fill ")) {
      const inputs = [this.use(cursor)];
      cursor.take(" dim ");
      const dim = Number(cursor.need(/\d+/y, "a dim"));
      cursor.take(" with ");
      const fill = Number(cursor.need(/-?(?:Infinity|\d[\d.]*(?:e[+-]?\d+)?)/y, "a number"));
      return { kind: "fill", dim, fill, inputs };
    }
    const name = cursor.need(/\w+/y, "an op");
    const op = ops.get(name) ?? cursor.fail(`an op that exists, not ${name},`);
    const inputs = cursor.has(" %") ? (cursor.at--, this.uses(cursor)) : [];
    const attrs = cursor.has(" {") ? (cursor.at--, parseAttribute(cursor)) : {};
    return { kind: "op", op, attrs, inputs, choice: this.level === "logical" ? null : this.choice(cursor) };
  }

  private move(cursor: Cursor): { move: Move; inputs: readonly Value[] } {
    const what = moveKinds.find((kind) => cursor.has(kind)) ?? cursor.fail("a kind of move");
    cursor.take(" ");
    const inputs = this.uses(cursor);
    cursor.take(" over ");
    const axis = parseAxis(cursor);
    const reduction: Reduction = cursor.has(" max") ? "max" : "sum";
    const number = (word: string, otherwise: number): number =>
      cursor.has(` ${word} `) ? Number(cursor.need(/-?\d+/y, "a number")) : otherwise;
    const move: Move = {
      what,
      axis,
      dim: number("dim", -1),
      to: number("to", -1),
      reduction,
      ...(cursor.has(" cut ") ? parseCut(cursor.need(/[:@~\d]+/y, "a cut")) : plainCut),
    };
    const by = number("by", -1);
    return { move: by < 0 ? move : { ...move, by }, inputs };
  }

  private choice(cursor: Cursor): Choice {
    const letters = new Map<string, readonly Axis[]>();
    const cuts = new Map<string, Cut>();
    const pass = new Map<Axis, readonly number[]>();
    if (cursor.has(" split(")) {
      cursor.list(() => {
        const letter = cursor.need(/\w/y, "a letter");
        cursor.take(": ");
        letters.set(
          letter,
          cursor.list(() => parseAxis(cursor), "·"),
        );
        const cut = cursor.need(/[:@~\d]*/y, "a cut");
        if (cut !== "") cuts.set(letter, parseCut(cut));
      });
      cursor.take(")");
    }
    if (cursor.has(" pass(")) {
      cursor.list(() => {
        const axis = parseAxis(cursor);
        cursor.take(": ");
        pass.set(
          axis,
          cursor.list(() => Number(cursor.need(/\d+/y, "an input")), "+"),
        );
      });
      cursor.take(")");
    }
    if (!cursor.has(" turn(")) return { letters, cuts, pass };
    const letter = cursor.need(/\w/y, "a letter");
    cursor.take(": ");
    const around = this.around(cursor);
    cursor.take(")");
    return { letters, cuts, pass, turn: { letter, ...around } };
  }

  private repeat(before: Phase): RepeatStep {
    const { cursor, place } = this.marked(before);
    cursor.take("repeat ");
    const count = Number(cursor.need(/\d+/y, "a number of rounds"));
    const time = this.time(cursor);
    cursor.take(" {");
    const entering: { start: Value; enter: Value }[] = [];
    const stacked: { items: readonly Value[]; each: Value }[] = [];
    const shared: { outer: Value; inner: Value }[] = [];
    for (let line = this.opening("carry "); line; line = this.opening("carry ")) {
      const enter = this.definition(line);
      line.take(" from ");
      entering.push({ start: this.use(line), enter });
    }
    for (let line = this.opening("stack "); line; line = this.opening("stack ")) {
      const each = this.definition(line);
      line.take(" of ");
      stacked.push({ items: this.uses(line), each });
    }
    for (let line = this.opening("share "); line; line = this.opening("share ")) {
      const inner = this.definition(line);
      line.take(" of ");
      shared.push({ outer: this.use(line), inner });
    }
    const body = this.steps(before);
    const carried = entering.map(({ start, enter }) => {
      const line = this.opening("leave ") ?? new Cursor(this.lines[this.line] ?? "").fail("leave");
      const leave = this.use(line);
      line.take(" as ");
      return { start, enter, leave, result: this.definition(line, enter) };
    });
    const collected: { each: Value; items: readonly Value[] }[] = [];
    for (let line = this.opening("collect "); line; line = this.opening("collect ")) {
      const cursorHere = line;
      const each = this.use(line);
      line.take(" as ");
      collected.push({ each, items: line.list(() => this.definition(cursorHere, each)) });
    }
    this.closing();
    return { kind: "repeat", count, carried, stacked, shared, collected, body, ...place, ...time } as RepeatStep;
  }

  /** The next line without its mark, and what the mark says. */
  private marked(phase: Phase): { cursor: Cursor; place: { scope: string; origin: Origin | null; phase: Phase } } {
    const line = this.lines[this.line++]!;
    const at = line.lastIndexOf("  # ");
    const [text, mark] = at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 4)];
    const match = /^(?:(.*) )?(\S+):(\d+)$/.exec(mark);
    const scope = match ? (match[1] ?? "") : mark;
    const origin: Origin | null = match
      ? {
          place: { file: match[2]!, start: 0, end: 0, line: Number(match[3]), column: 0 },
          inside: "",
          caller: null,
        }
      : null;
    return { cursor: new Cursor(text), place: { scope, origin, phase } };
  }
}

function parseType(cursor: Cursor): TensorType {
  const dtype = cursor.need(/f32|bf16|i32|bool/y, "an element type") as DType;
  cursor.take("[");
  const shape = cursor.has("]") ? [] : cursor.list(() => Number(cursor.need(/\d+/y, "a size")));
  if (shape.length > 0) cursor.take("]");
  return { dtype, shape };
}

function parseAxis(cursor: Cursor): Axis {
  const name = cursor.need(/[A-Za-z]+/y, "a mesh axis");
  return axisOrder.find((axis) => axis === name) ?? cursor.fail(`a mesh axis, not ${name},`);
}
