// Runs a scheduled program on simulated ranks in lock step, in float64, with memory that is really shared: buffers are
// bytes of one arena, and what a buffer's bytes held before its life is gone. Collectives take place at their wait.
// Long: the meaning of every kind of launch, one after the other.
import { callMeaning } from "./call-meanings.js";
import { meanings } from "./interpret-kernel.js";
import type { Scalar } from "./kernel.js";
import { spanOf } from "./local-size.js";
import { type Coordinates, coordinatesOf, type Degrees, groupOf, numRanks } from "./mesh.js";
import type { NdArray } from "./nd.js";
import { RankMemory } from "./rank-memory.js";
import type {
  Amount,
  Buffer,
  CallLaunch,
  CollectiveLaunch,
  Kernel,
  Launch,
  Place,
  RankNumber,
  ScheduledGraph,
  ScheduledProgram,
} from "./scheduled.js";
import type { State } from "./state.js";
import { numBytesOf } from "./tensor-type.js";

/** What a run is given: per rank, each array as this rank holds it. */
export interface RunInputs {
  readonly batch: (field: string, rank: number) => NdArray;
  readonly scalar: (name: string) => number;
  readonly tensor: (name: string, rank: number) => NdArray;
}
/** Per rank what a graph leaves behind, as flat arrays. */
export interface ScheduledRun {
  readonly results: readonly ReadonlyMap<string, Float64Array>[];
  readonly observed: readonly ReadonlyMap<string, NdArray>[];
}

/** Ranks with their states, on which graphs run one after the other. */
export class ScheduledMachine {
  readonly degrees: Degrees;
  readonly numRanks: number;
  private readonly states: readonly RankMemory[];
  private readonly arenas: readonly RankMemory[];
  constructor(
    private readonly program: ScheduledProgram,
    private readonly variant: number,
  ) {
    const { degrees, stateBytes, arenaBytes } = program.variants[variant]!;
    this.degrees = degrees;
    this.numRanks = numRanks(degrees);
    const ranks = Array.from({ length: this.numRanks }, (_, rank) => rank);
    this.states = ranks.map(() => new RankMemory("the area of states", stateBytes));
    this.arenas = ranks.map(() => new RankMemory("the arena", arenaBytes));
  }

  setState(state: State, rank: number, { data }: NdArray): void {
    const { buffer, localShapes } = this.homeOf(state);
    const count = localShapes[this.variant]!.reduce((n, size) => n * size, 1);
    if (data.length !== count) throw new Error(`${state.name} has ${count} elements here, not ${data.length}`);
    const start = (buffer.home as { offset: Amount }).offset[this.variant]!;
    for (let i = 0; i < count; i++)
      this.states[rank]!.write(start + i * numBytesOf[buffer.dtype], buffer.dtype, data[i]!);
  }

  state(state: State, rank: number): NdArray {
    const { buffer, localShapes } = this.homeOf(state);
    const shape = localShapes[this.variant]!;
    const start = (buffer.home as { offset: Amount }).offset[this.variant]!;
    const count = shape.reduce((n, size) => n * size, 1);
    const data = new Float64Array(count);
    for (let i = 0; i < count; i++)
      data[i] = this.states[rank]!.read(start + i * numBytesOf[buffer.dtype], buffer.dtype);
    return { shape, data };
  }

  private homeOf(state: State) {
    const home = this.program.states.find((each) => each.state === state);
    if (!home) throw new Error(`${state.name} has no home`);
    return home;
  }

  /** Throws an `Error` where a launch reads or writes out of bounds. */
  run(name: string, inputs: RunInputs): ScheduledRun {
    const graph = this.program.graphs.get(name);
    if (!graph) throw new Error(`there is no graph ${name}`);
    const ranks = Array.from(
      { length: this.numRanks },
      (_, rank) => new Rank(rank, this.variant, this.degrees, graph, inputs, this.states[rank]!, this.arenas[rank]!),
    );
    runLaunches(graph.launches, ranks);
    return { results: ranks.map((rank) => rank.results()), observed: ranks.map(({ observed }) => observed) };
  }
}

function runLaunches(launches: readonly Launch[], ranks: readonly Rank[]): void {
  for (const launch of launches) {
    if (launch.kind === "loop")
      for (let round = 0; round < launch.count; round++) {
        for (const rank of ranks) rank.rounds.set(launch.loop, round);
        runLaunches(launch.body, ranks);
      }
    else if (launch.kind === "collective") begin(launch, ranks);
    else if (launch.kind === "wait") end(launch.handle, ranks);
    else for (const rank of ranks) rank.run(launch);
  }
}

function begin(launch: CollectiveLaunch, ranks: readonly Rank[]): void {
  for (const rank of ranks) {
    const parts = launch.parts.map(({ source, target, numElements }) => ({
      source: { buffer: rank.buffer(source.place), offset: source.offset },
      target: { buffer: rank.buffer(target.place), offset: target.offset },
      numElements,
    }));
    for (const { source, target } of parts)
      if (rank.region(source.buffer) !== rank.region(target.buffer)) rank.forget(target.buffer);
    const known = rank.running.get(launch.handle);
    if (known) known.push({ launch, parts });
    else rank.running.set(launch.handle, [{ launch, parts }]);
  }
}

/** Only now it does what it does to the parts of a group, in the order in which rounds began it. */
function end(handle: number, ranks: readonly Rank[]): void {
  const begun = ranks[0]!.running.get(handle);
  if (!begun) throw new Error(`handle ${handle} is waited for and was not begun`);
  begun.forEach(({ launch, parts }, i) => {
    parts.forEach(({ numElements }, p) => {
      const partOf = (rank: Rank): Running["parts"][number] => rank.running.get(handle)![i]!.parts[p]!;
      const held = ranks.map((rank) => {
        const { source } = partOf(rank);
        return rank.readRun(source.buffer, source.offset, numElements);
      });
      for (const rank of ranks) {
        const group = groupOf(rank.rank, launch.axis, rank.degrees);
        const result = combined(
          launch,
          group.map((peer) => held[peer]!),
          group.indexOf(rank.rank),
        );
        const { target } = partOf(rank);
        rank.writeRun(target.buffer, target.offset, result);
      }
    });
  });
  for (const rank of ranks) rank.running.delete(handle);
}

/** A collective that was begun, with the memory of the round in which it was. */
interface Running {
  readonly launch: CollectiveLaunch;
  readonly parts: readonly {
    readonly source: { readonly buffer: Buffer; readonly offset: Amount };
    readonly target: { readonly buffer: Buffer; readonly offset: Amount };
    readonly numElements: Amount;
  }[];
}

function combined({ what, reduction }: CollectiveLaunch, parts: readonly Float64Array[], place: number): Float64Array {
  const by = reduction === "max" ? Math.max : (a: number, b: number) => a + b;
  const reduced = (): Float64Array => parts.reduce((a, b) => a.map((x, i) => by(x, b[i]!)));
  const pieceOf = (part: Float64Array, i: number): Float64Array => {
    const size = part.length / parts.length;
    return part.subarray(i * size, (i + 1) * size);
  };
  const behind = (list: readonly Float64Array[]): Float64Array => {
    const all = new Float64Array(list.reduce((n, { length }) => n + length, 0));
    let at = 0;
    for (const part of list) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  };
  switch (what) {
    case "all-reduce":
      return reduced();
    case "reduce-scatter":
      return pieceOf(reduced(), place);
    case "all-gather":
      return behind(parts);
    case "all-to-all":
      return behind(parts.map((part) => pieceOf(part, place)));
  }
}

type LocalLaunch = Exclude<Launch, { kind: "loop" | "collective" | "wait" }>;

class Rank {
  readonly rounds = new Map<number, number>();
  readonly running = new Map<number, Running[]>();
  readonly observed = new Map<string, NdArray>();
  private readonly at: Coordinates;
  private readonly outside = new Map<Buffer, RankMemory>();
  private readonly begun = new Set<Buffer>();
  constructor(
    readonly rank: number,
    readonly variant: number,
    readonly degrees: Degrees,
    private readonly graph: ScheduledGraph,
    private readonly inputs: RunInputs,
    private readonly states: RankMemory,
    private readonly arena: RankMemory,
  ) {
    this.at = coordinatesOf(rank, degrees);
  }

  of(amount: Amount): number {
    return amount[this.variant]!;
  }

  numberOf(value: RankNumber): number {
    if (value.kind === "amount") return this.of(value.amount);
    if (value.kind === "coordinate") return this.at[value.axis];
    if (value.kind === "round") {
      const item = value.items[this.rounds.get(value.loop) ?? -1];
      if (item === undefined) throw new Error(`loop ${value.loop} is in no round that has a number`);
      return item;
    }
    return spanOf(value.size, value.split, this.degrees, this.at)[value.kind] + value.plus;
  }

  buffer(place: Place): Buffer {
    if (place.kind === "buffer") return place;
    const round = this.rounds.get(place.loop);
    const item = round === undefined ? undefined : place.items[round];
    if (!item) throw new Error(`loop ${place.loop} is in no round that has a place`);
    return this.buffer(item);
  }

  /** Where a buffer begins, as one number per memory: for comparison. */
  region(place: Place): string {
    const buffer = this.buffer(place);
    const { home } = buffer;
    return "offset" in home ? `${home.kind} ${this.of(home.offset)}` : `${home.kind} ${buffer.name}`;
  }

  private memory(buffer: Buffer): { readonly memory: RankMemory; readonly start: number } {
    const { home, dtype } = buffer;
    if (home.kind === "state") return { memory: this.states, start: this.of(home.offset) };
    if (home.kind === "arena") {
      if (!this.begun.has(buffer)) {
        this.begun.add(buffer);
        this.arena.forget(this.of(home.offset), this.of(buffer.numElements) * numBytesOf[dtype]);
      }
      return { memory: this.arena, start: this.of(home.offset) };
    }
    let memory = this.outside.get(buffer);
    if (!memory) {
      memory = new RankMemory(buffer.name, this.of(buffer.numElements) * numBytesOf[dtype]);
      this.outside.set(buffer, memory);
      const given = this.given(home);
      if (given && given.length !== this.of(buffer.numElements))
        throw new Error(`${buffer.name} has ${this.of(buffer.numElements)} elements, not ${given.length}`);
      const into = memory;
      given?.forEach((value, i) => into.write(i * numBytesOf[dtype], dtype, value));
    }
    return { memory, start: 0 };
  }

  private given(home: Exclude<Buffer["home"], { kind: "state" | "arena" }>): Float64Array | null {
    switch (home.kind) {
      case "batch":
        return this.inputs.batch(home.field, this.rank).data;
      case "scalar":
        return Float64Array.of(this.inputs.scalar(home.name));
      case "tensor":
        return this.inputs.tensor(home.name, this.rank).data;
      case "result":
        return null;
    }
  }

  forget(place: Place): void {
    const buffer = this.buffer(place);
    const { memory, start } = this.memory(buffer);
    memory.forget(start, this.of(buffer.numElements) * numBytesOf[buffer.dtype]);
  }

  read(buffer: Buffer, element: number): number {
    const { memory, start } = this.memory(buffer);
    this.check(buffer, element);
    return memory.read(start + element * numBytesOf[buffer.dtype], buffer.dtype);
  }

  write(buffer: Buffer, element: number, value: number): void {
    const { memory, start } = this.memory(buffer);
    this.check(buffer, element);
    if (buffer.home.kind === "batch" || buffer.home.kind === "tensor" || buffer.home.kind === "scalar")
      throw new Error(`${buffer.name} is given and not to be written`);
    memory.write(start + element * numBytesOf[buffer.dtype], buffer.dtype, value);
  }

  private check(buffer: Buffer, element: number): void {
    if (!(Number.isInteger(element) && element >= 0 && element < this.of(buffer.numElements)))
      throw new Error(`element ${element} is outside ${buffer.name} of ${this.of(buffer.numElements)}`);
  }

  readRun(place: Place, offset: Amount, count: Amount): Float64Array {
    const buffer = this.buffer(place);
    return Float64Array.from({ length: this.of(count) }, (_, i) => this.read(buffer, this.of(offset) + i));
  }

  writeRun(place: Place, offset: Amount, values: Float64Array): void {
    const buffer = this.buffer(place);
    values.forEach((value, i) => {
      this.write(buffer, this.of(offset) + i, value);
    });
  }

  results(): ReadonlyMap<string, Float64Array> {
    return new Map(
      this.graph.results.map(({ name, buffer }) => [
        name,
        this.readRun(
          buffer,
          buffer.numElements.map(() => 0),
          buffer.numElements,
        ),
      ]),
    );
  }

  run(launch: LocalLaunch): void {
    switch (launch.kind) {
      case "kernel": {
        const operands = launch.operands.map(({ place, offset }) => ({
          buffer: this.buffer(place),
          offset: this.of(offset),
        }));
        new KernelRun(launch.kernel, operands, this, null).run();
        return;
      }
      case "table":
        for (const { size, operands } of launch.rows)
          new KernelRun(
            launch.kernel,
            operands.map(({ place, offset }) => ({ buffer: this.buffer(place), offset: this.of(offset) })),
            this,
            this.of(size),
          ).run();
        return;
      case "call":
        this.call(launch);
        return;
      case "observe": {
        const { view, label, shape, placement } = launch;
        const local = shape.map((size, dim) => spanOf(size, placement.dims[dim]!, this.degrees, this.at).count);
        const strides = view.strides.map((stride) => this.of(stride));
        this.observed.set(label, this.gather(this.buffer(view.place), this.of(view.offset), local, strides));
      }
    }
  }

  private gather(buffer: Buffer, offset: number, shape: readonly number[], strides: readonly number[]): NdArray {
    const data = new Float64Array(shape.reduce((n, size) => n * size, 1));
    forEachElement(shape, strides, offset, (i, element) => {
      data[i] = this.read(buffer, element);
    });
    return { shape, data };
  }

  private call({ symbol, sizes, operands, options, workspace }: CallLaunch): void {
    const meaning = callMeaning(symbol);
    const known = new Map(sizes.map(({ group, size }) => [group, this.of(size)]));
    const find = (name: string): CallLaunch["operands"][number] => {
      const operand = operands.find((each) => each.name === name);
      if (!operand) throw new Error(`${symbol} has no operand ${name}`);
      return operand;
    };
    const layout = ({ strides }: CallLaunch["operands"][number]) => ({
      shape: strides.map(({ group }) => known.get(group)!),
      strides: strides.map(({ stride }) => this.of(stride)),
    });
    const inputs = meaning.inputs.map((name) => {
      const operand = find(name);
      const { shape, strides } = layout(operand);
      return this.gather(this.buffer(operand.place), this.of(operand.offset), shape, strides);
    });
    const values = new Map(
      options.map(({ name, value }) => [name, typeof value === "object" ? this.numberOf(value) : value]),
    );
    if (workspace) this.forget(workspace);
    const results = meaning.run(inputs, known, values);
    meaning.outputs.forEach((name, o) => {
      const operand = find(name);
      const { shape, strides } = layout(operand);
      if (String(results[o]!.shape) !== String(shape))
        throw new Error(`${symbol} makes ${name} as [${results[o]!.shape}], not [${shape}]`);
      const buffer = this.buffer(operand.place);
      forEachElement(shape, strides, this.of(operand.offset), (i, element) => {
        this.write(buffer, element, results[o]!.data[i]!);
      });
    });
  }
}

/** Calls `see` with the row-major number of each element and its place in memory. */
function forEachElement(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  see: (i: number, element: number) => void,
): void {
  let i = 0;
  const walk = (dim: number, element: number): void => {
    if (dim === shape.length) {
      see(i++, element);
      return;
    }
    for (let n = 0; n < shape[dim]!; n++) walk(dim + 1, element + n * strides[dim]!);
  };
  walk(0, offset);
}

class KernelRun {
  private readonly at = new Map<string, number>();
  private readonly names = new Map<string, number>();
  private readonly numbers: ReadonlyMap<string, number>;
  private readonly sizes: ReadonlyMap<string, number>;
  private memo = new Map<Scalar, number>();
  private readonly late: (() => void)[] = [];
  constructor(
    private readonly kernel: Kernel,
    private readonly operands: readonly { readonly buffer: Buffer; readonly offset: number }[],
    private readonly rank: Rank,
    size: number | null,
  ) {
    this.numbers = new Map(kernel.numbers.map(({ name, value }) => [name, rank.numberOf(value)]));
    this.sizes = new Map(
      [...kernel.outer, ...kernel.inner].map((letter) => [letter.letter, size ?? rank.of(letter.size)]),
    );
  }

  run(): void {
    const { outer, inner, passes } = this.kernel;
    const names = (letters: Kernel["outer"]): readonly string[] => letters.map(({ letter }) => letter);
    this.forEachPlace(names(outer), () => {
      this.names.clear();
      for (const pass of passes) {
        if (pass.kind === "let") this.names.set(pass.name, this.value(pass.value));
        else if (pass.kind === "reduce") {
          let total = pass.by === "sum" ? 0 : Number.NEGATIVE_INFINITY;
          this.forEachPlace(names(inner), () => {
            const element = this.value(pass.of);
            total = pass.by === "sum" ? total + element : Math.max(total, element);
          });
          this.names.set(pass.name, total);
        } else if (pass.over === "outer") this.store(pass.operand, pass.value);
        else this.forEachPlace(names(inner), () => this.store(pass.operand, pass.value));
      }
      for (const write of this.late.splice(0)) write();
    });
  }

  private value(scalar: Scalar): number {
    this.memo = new Map();
    return this.valueOf(scalar);
  }

  private store(operand: number, scalar: Scalar): void {
    if (this.kernel.operands[operand]!.role === "read")
      throw new Error("a kernel writes an operand that it only reads");
    const value = this.value(scalar);
    const [{ buffer }, element] = [this.operands[operand]!, this.element(operand)];
    const write = (): void => this.rank.write(buffer, element, value);
    // What is overwritten is read as it was before, also by later passes.
    if (this.kernel.operands[operand]!.role === "both") this.late.push(write);
    else write();
  }

  private element(operand: number): number {
    let element = this.operands[operand]!.offset;
    for (const [letter, stride] of Object.entries(this.kernel.operands[operand]!.strides)) {
      const place = this.at.get(letter);
      if (place === undefined) throw new Error(`letter ${letter} has no index here`);
      element += place * this.rank.of(stride);
    }
    return element;
  }

  private forEachPlace(letters: readonly string[], visit: () => void): void {
    const [letter, ...rest] = letters;
    if (letter === undefined) {
      visit();
      return;
    }
    const size = this.sizes.get(letter)!;
    for (let i = 0; i < size; i++) {
      this.at.set(letter, i);
      this.forEachPlace(rest, visit);
    }
    this.at.delete(letter);
  }

  private valueOf(scalar: Scalar): number {
    if (scalar.kind === "constant") return scalar.value;
    const known = this.memo.get(scalar);
    if (known !== undefined) return known;
    const value = this.computed(scalar);
    this.memo.set(scalar, value);
    return value;
  }

  private computed(scalar: Exclude<Scalar, { kind: "constant" }>): number {
    const need = (value: number | undefined, what: string): number => {
      if (value === undefined) throw new Error(`${this.kernel.name}: ${what} has no value here`);
      return value;
    };
    switch (scalar.kind) {
      case "input": {
        const { buffer, offset } = this.operands[scalar.input]!;
        if (this.kernel.operands[scalar.input]!.role === "write") throw new Error("a kernel reads what it only writes");
        if (!scalar.at) return this.rank.read(buffer, this.element(scalar.input));
        const strides = this.kernel.operands[scalar.input]!.atStrides;
        if (strides.length !== scalar.at.length) throw new Error(`${scalar.at.length} indices for ${strides.length}`);
        return this.rank.read(
          buffer,
          scalar.at.reduce((n, index, i) => n + this.valueOf(index) * this.rank.of(strides[i]!), offset),
        );
      }
      case "attribute":
        return need(this.numbers.get(scalar.path), `number ${scalar.path}`);
      case "index":
        return need(this.at.get(scalar.letter), `letter ${scalar.letter}`);
      case "extent":
        return need(this.sizes.get(scalar.letter), `letter ${scalar.letter}`);
      case "name":
        return need(this.names.get(scalar.name), scalar.name);
      case "apply": {
        const { fn, args } = scalar;
        if (fn === "select") return this.valueOf(this.valueOf(args[0]!) !== 0 ? args[1]! : args[2]!);
        return meanings[fn](...args.map((arg) => this.valueOf(arg)));
      }
    }
  }
}
