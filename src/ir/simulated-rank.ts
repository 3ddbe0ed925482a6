// One simulated rank: its memory, the rounds of the loops that it is in, and what it does in each launch but collectives.
import { callMeaning } from "./call-meanings.js";
import { KernelRun } from "./interpret-scheduled-kernel.js";
import { spanOf } from "./local-size.js";
import { type Coordinates, coordinatesOf, type Degrees, onRanks } from "./mesh.js";
import type { NdArray } from "./nd.js";
import { RankMemory } from "./rank-memory.js";
import type {
  Amount,
  Buffer,
  CallLaunch,
  CollectiveLaunch,
  Launch,
  Place,
  RankNumber,
  ScheduledGraph,
} from "./scheduled.js";
import { numBytesOf } from "./tensor-type.js";
import { turnedCoordinates } from "./turn.js";

/** What a run is given: per rank, each array as this rank holds it. */
export interface RunInputs {
  readonly batch: (field: string, rank: number) => NdArray;
  readonly scalar: (name: string) => number;
  readonly tensor: (name: string, rank: number) => NdArray;
}

/** A collective that was begun, with the memory of the round in which it was. */
export interface Running {
  readonly launch: CollectiveLaunch;
  readonly parts: readonly {
    readonly source: { readonly buffer: Buffer; readonly offset: Amount };
    readonly target: { readonly buffer: Buffer; readonly offset: Amount };
    readonly numElements: Amount;
  }[];
}

type LocalLaunch = Exclude<Launch, { kind: "loop" | "collective" | "wait" }>;

export class Rank {
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
    this.at = coordinatesOf(rank, onRanks(degrees));
  }

  of(amount: Amount): number {
    return amount[this.variant]!;
  }

  numberOf(value: RankNumber): number {
    if (value.kind === "amount") return this.of(value.amount);
    if (value.kind === "coordinate") return turnedCoordinates(this.at, value, this.degrees)[value.axis];
    if (value.kind === "round") {
      const item = value.items[this.rounds.get(value.loop) ?? -1];
      if (item === undefined) throw new Error(`loop ${value.loop} is in no round that has a number`);
      return item;
    }
    const here = value.time === undefined ? this.at : { ...this.at, microbatch: value.time.index };
    const at = turnedCoordinates(here, value.turn, this.degrees);
    return spanOf(value.size, value.split, this.degrees, at)[value.kind] + value.plus;
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
