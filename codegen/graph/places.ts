// The memory of a graph as pointers with the user's names: those of buffers at the head of the function, those of the
// buffers of a round at the head of the loop's body, where a uniform step or a table of offsets says where they lie.
import type { Amount, Buffer, Place } from "../../src/ir/scheduled.js";
import { type CppNames, cppComment, cppIdentifier, cppInteger } from "../cpp-text.js";
import { graphField } from "../host/run-graph.js";
import { constantOf, fixedAmount, isAlways, plus, sameAmount, scaled } from "../kernel/amount.js";
import { cppElementTypes } from "../kernel/scalar-text.js";
import type { AmountTable } from "./amount-table.js";
import { roundPattern } from "./round-pattern.js";

/** A loop of the graph's function that is open, with the lines at the head of its body. */
export interface OpenLoop {
  readonly loop: number;
  readonly count: number;
  /** Its running index in C++. */
  readonly index: string;
  readonly head: string[];
}

export interface PlaceFacts {
  readonly amounts: AmountTable;
  readonly names: CppNames;
  /** `[4, 256, 768]`, as far as it is known. */
  shapeOf(buffer: Buffer): string;
  readonly outside: OutsideMemory;
}

/** How a target finds what is in neither area: what the host code hands over and gets back. */
export interface OutsideMemory {
  /** Whether a number of the host code is handed over by value; else it has a place in memory as other buffers do. */
  readonly areNumbersValues: boolean;
  /** The pointer to such a buffer. */
  pointer(buffer: Buffer): string;
}

export class Places {
  /** Lines at the head of the function, and tables in front of it. */
  readonly head: string[] = [];
  readonly tables: string[] = [];
  readonly #pointers = new Map<string, string>();
  readonly #buffers = new Map<Buffer, string>();
  readonly #loops: OpenLoop[] = [];
  readonly #ids = new Map<Buffer, number>();

  constructor(readonly facts: PlaceFacts) {}

  /** Writes a loop's body: pointers of its rounds first. */
  inLoop(loop: OpenLoop, body: () => readonly string[]): readonly string[] {
    this.#loops.push(loop);
    const lines = body();
    this.#loops.pop();
    for (const key of [...this.#pointers.keys()])
      if (key.startsWith(`${loop.loop} `)) {
        this.facts.names.release(this.#pointers.get(key)!);
        this.#pointers.delete(key);
      }
    return [...loop.head, ...lines];
  }

  /** A whole number that is another one in each round of an open loop. */
  roundNumber(loop: number, items: readonly number[]): string {
    const index = this.indexOf(loop);
    const [first, second] = items as [number, ...number[]];
    const step = (second ?? first) - first;
    if (!items.every((item, i) => item === first + i * step))
      return `std::array<std::int64_t, ${items.length}>{${items.map(cppInteger).join(", ")}}[${index}]`;
    const stepped = step === 0 ? "" : step === 1 ? index : `${index} * ${cppInteger(step)}`;
    if (stepped === "") return cppInteger(first);
    return first === 0 ? stepped : `${stepped} + ${cppInteger(first)}`;
  }

  /** The running index of an open loop. */
  indexOf(loop: number): string {
    const open = this.#loops.find((each) => each.loop === loop);
    if (!open) throw new Error(`loop ${loop} is not open where its index is needed`);
    return open.index;
  }

  /** A pointer to element `offset` of a place. */
  pointer(place: Place, offset: Amount, what = "offset"): string {
    const base = this.#base(place);
    if (isAlways(offset, 0)) return base;
    return `${base} + ${this.facts.amounts.text(offset, cppIdentifier(`${base}.${what}`))}`;
  }

  /** Whether a place is a number of the host code that is handed over by value. */
  isValue(place: Place): boolean {
    return this.facts.outside.areNumbersValues && place.kind === "buffer" && place.home.kind === "scalar";
  }

  /** The number of the host code that a place is. */
  value(place: Place): string {
    if (place.kind !== "buffer" || place.home.kind !== "scalar") throw new Error("only a number has a value");
    const type = { f32: "float", bf16: "float", i32: "std::int64_t", bool: "bool" }[place.dtype];
    return `static_cast<${type}>(in.${graphField(place.home.name)})`;
  }

  #base(place: Place): string {
    return place.kind === "buffer" ? this.#buffer(place) : this.#round(place);
  }

  #buffer(buffer: Buffer): string {
    const known = this.#buffers.get(buffer);
    if (known !== undefined) return known;
    const { dtype } = buffer;
    const name = this.facts.names.declare(buffer.name);
    const type = cppElementTypes[dtype];
    const isConstant = isReadOnly(buffer);
    this.head.push(
      `${isConstant ? "const " : ""}${type}* const ${name} = ${this.#memoryOf(buffer)};  ${cppComment(`${this.facts.shapeOf(buffer)} ${buffer.name}`)}`,
    );
    this.#buffers.set(buffer, name);
    return name;
  }

  #memoryOf(buffer: Buffer): string {
    const { home, dtype, name } = buffer;
    if (home.kind !== "state" && home.kind !== "arena") return this.facts.outside.pointer(buffer);
    const offset = this.facts.amounts.text(home.offset, cppIdentifier(`${name}.place`));
    return `dream::at<${cppElementTypes[dtype]}>(${areas[home.kind]}, ${offset})`;
  }

  /** A place that is another buffer in each round. */
  #round(place: Place): string {
    const used = this.#loops.filter(({ loop }) => loopsOf(place).has(loop));
    const innermost = used.at(-1);
    if (!innermost) throw new Error("a place that changes with a loop is used outside of it");
    const buffers = leaves(place, used);
    const key = `${innermost.loop} ${used.map(({ loop }) => loop)} ${buffers.map((buffer) => this.#idOf(buffer))}`;
    const known = this.#pointers.get(key);
    if (known !== undefined) return known;
    const [first] = buffers as [Buffer, ...Buffer[]];
    const pattern = commonName(buffers.map(({ name }) => name));
    const name = this.facts.names.declare(pattern.short);
    const type = cppElementTypes[first.dtype];
    const comment = cppComment(`${this.facts.shapeOf(first)} ${pattern.whole}`);
    const isConstant = buffers.some(isReadOnly);
    innermost.head.push(
      `${isConstant ? "const " : ""}${type}* const ${name} = ${this.#memoryOfRound(buffers, used, name)};  ${comment}`,
    );
    this.#pointers.set(key, name);
    return name;
  }

  #memoryOfRound(buffers: readonly Buffer[], loops: readonly OpenLoop[], name: string): string {
    const [first] = buffers as [Buffer, ...Buffer[]];
    const type = cppElementTypes[first.dtype];
    const areaKind = first.home.kind;
    const index = loops.map(({ index: each }) => each);
    if ((areaKind === "state" || areaKind === "arena") && buffers.every(({ home }) => home.kind === areaKind)) {
      const offsets = buffers.map(({ home }) => (home as { readonly offset: Amount }).offset);
      const steps = uniformSteps(
        offsets,
        loops.map(({ count }) => count),
      );
      const pattern = steps || loops.length > 1 ? null : roundPattern(offsets, index[0]!);
      const offset = steps
        ? this.#steppedOffset(offsets[0]!, steps, index, name)
        : pattern
          ? this.#steppedOffset(pattern.start, [pattern.step], [pattern.index], name)
          : `${this.#offsetTable(offsets, name)}[${tableIndex(loops)}]`;
      return `dream::at<${type}>(${areas[areaKind]}, ${offset})`;
    }
    const table = this.facts.names.declare(`${name}ByRound`);
    const isConstant = buffers.some(isReadOnly);
    const pointers = buffers.map((buffer) => this.#buffer(buffer));
    this.head.push(`${isConstant ? "const " : ""}${type}* const ${table}[] = {${pointers.join(", ")}};`);
    return `${table}[${tableIndex(loops)}]`;
  }

  #steppedOffset(start: Amount, steps: readonly Amount[], index: readonly string[], name: string): string {
    const terms = [isAlways(start, 0) ? "" : this.facts.amounts.text(start, `${name}Place`)];
    steps.forEach((step, i) => {
      const fixed = constantOf(step);
      if (fixed === 0) return;
      // `block * std::int64_t{...}`: the index is an int, the product may not be one.
      const size = fixed === null ? this.facts.amounts.text(step, `${name}Step`) : String(Math.abs(fixed));
      const sign = fixed !== null && fixed < 0 ? "-" : "";
      terms.push(`${sign}${index[i]} * std::int64_t{${size}}`);
    });
    const shown = terms.filter((term) => term !== "");
    return shown.length === 0 ? "0" : shown.join(" + ").replace(/\+ -/g, "- ");
  }

  /** A table of offsets in front of the function. */
  #offsetTable(offsets: readonly Amount[], name: string): string {
    const table = this.facts.names.declare(`${name}Offsets`);
    const isOne = offsets.every((offset) => constantOf(offset) !== null);
    const rows = (isOne ? [0] : offsets[0]!.map((_, variant) => variant)).map((variant) =>
      offsets.map((offset) => cppInteger(offset[variant]!)).join(", "),
    );
    if (isOne) {
      this.tables.push(`constexpr std::int64_t ${table}[] = {${rows[0]}};`);
      return table;
    }
    this.tables.push(
      `constexpr std::int64_t ${table}[][${offsets.length}] = {`,
      ...rows.map((row) => `    {${row}},`),
      "};",
    );
    return `${table}[run.variant()]`;
  }

  #idOf(buffer: Buffer): number {
    const known = this.#ids.get(buffer) ?? this.#ids.size;
    this.#ids.set(buffer, known);
    return known;
  }
}

/** What the host code hands over is read only. */
const isReadOnly = ({ home }: Buffer): boolean =>
  home.kind === "batch" || home.kind === "tensor" || home.kind === "scalar";

export const areas = { state: "states", arena: "arena" } as const;

/** The loops that a place changes with. */
export function loopsOf(place: Place): ReadonlySet<number> {
  if (place.kind === "buffer") return new Set();
  return new Set([place.loop, ...place.items.flatMap((item) => [...loopsOf(item)])]);
}

/** The buffers of a place for every round of some loops, the innermost fastest. */
function leaves(place: Place, loops: readonly OpenLoop[]): readonly Buffer[] {
  const at = new Map<number, number>();
  const pick = (inner: Place): Buffer => {
    if (inner.kind === "buffer") return inner;
    const round = at.get(inner.loop);
    const item = round === undefined ? undefined : inner.items[round];
    if (!item) throw new Error("a place has no buffer for a round of its loop");
    return pick(item);
  };
  const visit = (i: number): readonly Buffer[] => {
    const loop = loops[i];
    if (!loop) return [pick(place)];
    return Array.from({ length: loop.count }, (_, round) => {
      at.set(loop.loop, round);
      return visit(i + 1);
    }).flat();
  };
  return visit(0);
}

/** For each loop the step from round to round, if offsets are the first one plus these; else null. */
function uniformSteps(offsets: readonly Amount[], counts: readonly number[]): readonly Amount[] | null {
  const start = offsets[0]!;
  const zero = fixedAmount(0, start);
  const widths = counts.map((_, i) => counts.slice(i + 1).reduce((a, b) => a * b, 1));
  const steps = counts.map((count, i) => (count > 1 ? plus(offsets[widths[i]!]!, scaled(start, -1)) : zero));
  const isUniform = offsets.every((offset, n) => {
    const expected = steps.reduce((sum, step, i) => {
      const round = Math.floor(n / widths[i]!) % counts[i]!;
      return plus(sum, scaled(step, round));
    }, start);
    return sameAmount(offset, expected);
  });
  return isUniform ? steps : null;
}

const tableIndex = (loops: readonly OpenLoop[]): string =>
  loops.map(({ index }, i) => [index, ...loops.slice(i + 1).map(({ count }) => String(count))].join(" * ")).join(" + ");

/** `model.blocks.0.attn.bias`, `model.blocks.1.attn.bias`: `model.blocks.*.attn.bias`, for short `attn.bias`. */
export function commonName(names: readonly string[]): { readonly whole: string; readonly short: string } {
  const paths = names.map((name) => name.split("."));
  const [first] = paths as [string[], ...string[][]];
  if (paths.some(({ length }) => length !== first.length)) return { whole: names[0]!, short: names[0]! };
  const parts = first.map((_, i) => commonPart(paths.map((path) => path[i]!)));
  const last = parts.lastIndexOf("*");
  const short = parts.slice(last + 1);
  return {
    whole: parts.join("."),
    short: short.length > 0 ? short.join(".") : parts.filter((part) => part !== "*").join("."),
  };
}

/** Numbers that tell intermediate values apart are no part of their name: `x`, `x12` and `x13` are `x`. */
function commonPart(parts: readonly string[]): string {
  const [first] = parts as [string];
  if (parts.every((part) => part === first)) return first;
  const stems = parts.map((part) => part.replace(/[_\d]+$/, ""));
  return stems[0] !== "" && stems.every((stem) => stem === stems[0]) ? stems[0]! : "*";
}
