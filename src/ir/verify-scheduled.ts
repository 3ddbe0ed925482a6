// The checker of scheduled programs. It walks the launches of every variant, loops round by round, and knows which buffer
// wrote each byte last: a read of bytes that were never written, or that another buffer has taken since, is a fault; so
// are operands out of bounds, offsets that are not aligned, and collectives that are not waited for before their use.
import { BusyBytes, type BusyRange } from "./busy-bytes.js";
import { ByteOwners } from "./byte-owners.js";
import { standstills } from "./check-transfers.js";
import type { Origin } from "./origin.js";
import { placeOfGraph } from "./pipeline.js";
import type {
  Amount,
  Buffer,
  CollectiveLaunch,
  Kernel,
  Launch,
  Place,
  ScheduledGraph,
  ScheduledProgram,
  WaitLaunch,
} from "./scheduled.js";
import type { State } from "./state.js";
import { numBytesOf } from "./tensor-type.js";

export interface ScheduledProblem {
  readonly graph: string;
  readonly message: string;
  readonly origin: Origin | null;
}

const alignment = 64;

/** Empty where every claim of the program holds. */
export function verifyScheduled(program: ScheduledProgram): readonly ScheduledProblem[] {
  const problems: ScheduledProblem[] = [];
  program.variants.forEach((_, variant) => {
    const found = new Map<string, ScheduledProblem>();
    for (const message of statesOutside(program, variant)) found.set(message, { graph: "", message, origin: null });
    for (const graph of program.graphs.values())
      new Walk(program, graph, variant, (message) => {
        found.set(`${graph.name} ${message}`, {
          graph: graph.name,
          message: `${message} (variant ${variant})`,
          origin: null,
        });
      }).check();
    if (problems.length === 0) problems.push(...found.values());
  });
  for (const { graph, message } of standstills(program.program.pipelined, program.graphs))
    problems.push({ graph, message, origin: null });
  return problems;
}

/** States that do not lie in the area of every place that has them. */
const statesOutside = ({ states, variants }: ScheduledProgram, variant: number): readonly string[] =>
  states.flatMap(({ buffer: { name, dtype, numElements, home }, place }) => {
    const end = (home as { offset: Amount }).offset[variant]! + numElements[variant]! * numBytesOf[dtype];
    return variants[variant]!.areas.flatMap(({ stateBytes }, each) =>
      (place === undefined || place === each) && !(end <= stateBytes)
        ? [`${name} ends at byte ${end} of ${stateBytes} (variant ${variant})`]
        : [],
    );
  });

interface Range {
  readonly buffer: Buffer;
  /** Elements, the end excluded. */
  readonly start: number;
  readonly end: number;
}

class Walk {
  private readonly arena = new ByteOwners<Buffer>();
  private readonly outside = new Map<Buffer, ByteOwners<Buffer>>();
  private readonly rounds = new Map<number, { readonly round: number; readonly count: number }>();
  /** By handle: what was begun, once or in several rounds of a loop. */
  private readonly running = new Map<number, BusyRange<CollectiveLaunch>[]>();
  private readonly busy = new BusyBytes<CollectiveLaunch>();
  private readonly begun = new Map<number, CollectiveLaunch>();
  /** On axis pp, and what it does not hold. */
  private readonly place: number;
  private readonly elsewhere: ReadonlySet<State>;
  constructor(
    private readonly program: ScheduledProgram,
    private readonly graph: ScheduledGraph,
    private readonly variant: number,
    private readonly report: (message: string) => void,
  ) {
    this.place = placeOfGraph(program.program.pipelined, graph.name) ?? 0;
    this.elsewhere = new Set(
      program.states.flatMap(({ state, place }) => (place === undefined || place === this.place ? [] : [state])),
    );
  }

  check(): void {
    this.checkBuffers();
    this.walk(this.graph.launches);
    for (const handle of this.running.keys()) this.report(`handle ${handle} is never waited for`);
    for (const { name, buffer } of this.graph.results) {
      if (buffer.home.kind !== "result") this.report(`result ${name} lies in ${buffer.home.kind}`);
      this.read({ buffer, start: 0, end: this.of(buffer.numElements) }, `result ${name}`);
    }
  }

  private of(amount: Amount): number {
    return amount[this.variant]!;
  }

  private checkBuffers(): void {
    const names = new Set<string>();
    const { stateBytes, arenaBytes } = this.program.variants[this.variant]!.areas[this.place]!;
    for (const buffer of this.graph.buffers) {
      if (names.has(buffer.name)) this.report(`two buffers are called ${buffer.name}`);
      names.add(buffer.name);
      const { home } = buffer;
      if (!("offset" in home)) continue;
      const start = this.of(home.offset);
      const end = start + this.of(buffer.numElements) * numBytesOf[buffer.dtype];
      if (!(start >= 0 && start % alignment === 0)) this.report(`${buffer.name} begins at byte ${start}`);
      const size = home.kind === "state" ? stateBytes : arenaBytes;
      if (!(end <= size)) this.report(`${buffer.name} ends at byte ${end} of ${size}`);
    }
  }

  private walk(launches: readonly Launch[]): void {
    for (const launch of launches) {
      switch (launch.kind) {
        case "loop":
          for (let round = 0; round < launch.count; round++) {
            this.rounds.set(launch.loop, { round, count: launch.count });
            this.walk(launch.body);
          }
          this.rounds.delete(launch.loop);
          break;
        case "kernel":
          this.kernel(launch.kernel, launch.operands, null);
          break;
        case "table":
          for (const { size, operands } of launch.rows) this.kernel(launch.kernel, operands, this.of(size));
          break;
        case "call": {
          const sizes = new Map(launch.sizes.map(({ group, size }) => [group, this.of(size)]));
          const ranges = launch.operands.flatMap((operand) => {
            const extents = operand.strides.map(({ group, stride }) => [sizes.get(group)!, this.of(stride)] as const);
            const range = this.range(
              operand.place,
              this.of(operand.offset),
              extents,
              `${launch.symbol} ${operand.name}`,
            );
            return range ? [{ range, role: operand.role, name: operand.name }] : [];
          });
          for (const { range, role, name } of ranges) if (role === "read") this.read(range, `${launch.symbol} ${name}`);
          if (launch.workspace) this.write(this.all(launch.workspace), launch.symbol);
          for (const { range, role, name } of ranges)
            if (role === "write") this.write(range, `${launch.symbol} ${name}`);
          break;
        }
        case "collective":
          this.begin(launch);
          break;
        case "wait":
          this.end(this.handleNow(launch));
          break;
        case "observe": {
          const { view, shape, label } = launch;
          if (view.strides.length !== shape.length) this.report(`observed ${label} has ${view.strides.length} strides`);
          const buffer = this.buffer(view.place, `observed ${label}`);
          if (buffer) this.read({ buffer, start: this.of(view.offset), end: this.of(view.offset) + 1 }, label);
        }
      }
    }
  }

  private kernel(
    kernel: Kernel,
    operands: readonly { readonly place: Place; readonly offset: Amount }[],
    size: number | null,
  ): void {
    const letters = [...kernel.outer, ...kernel.inner];
    const sizes = new Map(letters.map((letter) => [letter.letter, size ?? this.of(letter.size)]));
    if (letters.length !== sizes.size) this.report(`${kernel.name} has a letter twice`);
    if (kernel.operands.length !== operands.length) this.report(`${kernel.name} lacks memory for an operand`);
    if ([...sizes.values()].some((each) => each === 0)) return;
    const ranges = kernel.operands.map((operand, i) => {
      const { place, offset } = operands[i]!;
      const what = `${kernel.name} ${operand.name}`;
      if (operand.atStrides.length > 0) {
        const buffer = this.buffer(place, what);
        return buffer ? this.all(buffer) : null;
      }
      const extents = Object.entries(operand.strides).map(
        ([letter, stride]) => [sizes.get(letter) ?? Number.NaN, this.of(stride)] as const,
      );
      return this.range(place, this.of(offset), extents, what);
    });
    kernel.operands.forEach(({ role, name, dtype }, i) => {
      const range = ranges[i];
      if (!range) return;
      if (range.buffer.dtype !== dtype) this.report(`${kernel.name} takes ${range.buffer.name} for ${dtype}`);
      if (role !== "write") this.read(range, `${kernel.name} ${name}`);
    });
    kernel.operands.forEach(({ role, name }, i) => {
      const range = ranges[i];
      if (range && role !== "read") this.write(range, `${kernel.name} ${name}`);
    });
    this.overlaps(kernel, ranges);
  }

  /** What one operand writes is no other operand's memory: a kernel may be run in any order. */
  private overlaps(kernel: Kernel, ranges: readonly (Range | null)[]): void {
    ranges.forEach((range, i) => {
      if (!range || kernel.operands[i]!.role === "read") return;
      ranges.forEach((other, j) => {
        if (!other || i === j || !this.share(range, other)) return;
        this.report(`${kernel.name} writes ${kernel.operands[i]!.name} over ${kernel.operands[j]!.name}`);
      });
    });
  }

  private share(a: Range, b: Range): boolean {
    const [x, y] = [this.bytes(a), this.bytes(b)];
    return x.area === y.area && x.start < y.end && y.start < x.end;
  }

  /** Null where it is no round's turn. */
  private handleNow({ handle, stagger }: CollectiveLaunch | WaitLaunch): number | null {
    if (!stagger) return handle;
    const now = this.rounds.get(stagger.loop);
    if (now?.count !== stagger.count) this.report(`handle ${handle} takes turns in rounds of loop ${stagger.loop}`);
    const round = (now?.round ?? 0) + stagger.ahead;
    return round >= 0 && round < stagger.count ? handle + (round % stagger.numHandles) : null;
  }

  private begin(launch: CollectiveLaunch): void {
    const { parts, what } = launch;
    const handle = this.handleNow(launch);
    if (handle === null) return;
    const before = this.begun.get(handle);
    if (before && before !== launch && this.running.has(handle)) this.report(`two collectives have handle ${handle}`);
    this.begun.set(handle, launch);
    const ranks = this.program.variants[this.variant]!.degrees[launch.axis];
    const touched: BusyRange<CollectiveLaunch>[] = [];
    for (const { source, target, numElements } of parts) {
      const count = this.of(numElements);
      const result = what === "all-gather" ? count * ranks : what === "reduce-scatter" ? count / ranks : count;
      if (!Number.isInteger(result)) this.report(`${what} of ${count} elements over ${ranks} ranks`);
      const from = this.range(source.place, this.of(source.offset), [[count, 1]], what);
      const to = this.range(target.place, this.of(target.offset), [[result, 1]], what);
      if (!from || !to) continue;
      if (what === "receive") {
        this.write(to, what);
        touched.push({ ...this.bytes(to), isWritten: true, by: launch });
        continue;
      }
      if (what === "send") {
        this.read(from, what);
        touched.push({ ...this.bytes(from), isWritten: false, by: launch });
        continue;
      }
      this.read(from, what);
      const isInPlace = this.bytes(from).start === this.bytes(to).start && this.share(from, to);
      if (!isInPlace) {
        if (this.share(from, to)) this.report(`${what} ${handle} writes over its source`);
        this.write(to, what);
      } else if (from.buffer !== to.buffer) this.write(to, what);
      touched.push({ ...this.bytes(from), isWritten: false, by: launch });
      touched.push({ ...this.bytes(to), isWritten: true, by: launch });
    }
    for (const range of touched) this.busy.add(range);
    const earlier = this.running.get(handle);
    if (earlier) earlier.push(...touched);
    else this.running.set(handle, touched);
  }

  private end(handle: number | null): void {
    if (handle === null) return;
    for (const range of this.running.get(handle) ?? []) this.busy.delete(range);
    if (!this.running.delete(handle)) this.report(`handle ${handle} is waited for and was not begun`);
  }

  private buffer(place: Place, what: string): Buffer | null {
    if (place.kind === "buffer") return place;
    const now = this.rounds.get(place.loop);
    if (!now) {
      this.report(`${what} lies in rounds of loop ${place.loop}, outside of it`);
      return null;
    }
    if (place.items.length !== now.count)
      this.report(`${what} has ${place.items.length} places for ${now.count} rounds`);
    const item = place.items[now.round];
    return item ? this.buffer(item, what) : null;
  }

  private range(
    place: Place,
    offset: number,
    extents: readonly (readonly [size: number, stride: number])[],
    what: string,
  ): Range | null {
    const buffer = this.buffer(place, what);
    if (!buffer) return null;
    if (buffer.home.kind === "state" && this.elsewhere.has(buffer.home.state))
      this.report(`${what} touches ${buffer.name}, which rests at another place of pp`);
    const last = extents.reduce((n, [size, stride]) => n + (size - 1) * stride, offset);
    if (!(offset >= 0 && last < this.of(buffer.numElements) && extents.every(([, stride]) => stride >= 0))) {
      this.report(
        `${what} touches elements ${offset} to ${last} of ${buffer.name}, which has ${this.of(buffer.numElements)}`,
      );
      return null;
    }
    return { buffer, start: offset, end: last + 1 };
  }

  private all(buffer: Buffer): Range {
    return { buffer, start: 0, end: this.of(buffer.numElements) };
  }

  private bytes({ buffer, start, end }: Range): { area: unknown; start: number; end: number } {
    const size = numBytesOf[buffer.dtype];
    const first = "offset" in buffer.home ? this.of(buffer.home.offset) : 0;
    const area = "offset" in buffer.home ? buffer.home.kind : buffer;
    return { area, start: first + start * size, end: first + end * size };
  }

  private ownersOf({ buffer }: Range): ByteOwners<Buffer> {
    if (buffer.home.kind === "arena") return this.arena;
    let owners = this.outside.get(buffer);
    if (!owners) {
      owners = new ByteOwners();
      this.outside.set(buffer, owners);
    }
    return owners;
  }

  private read(range: Range, what: string): void {
    const { buffer } = range;
    const { area, start, end } = this.bytes(range);
    for (const { by, isWritten } of this.busy.touching(area, start, end))
      if (isWritten) this.report(`${what} reads ${buffer.name} before the ${by.what} of handle ${by.handle} has ended`);
    if (buffer.home.kind !== "arena" && buffer.home.kind !== "result") return;
    if (!this.ownersOf(range).has(start, end, buffer))
      this.report(`${what} reads bytes ${start} to ${end} of ${buffer.name}, which it does not hold`);
  }

  private write(range: Range, what: string): void {
    const { buffer } = range;
    const { area, start, end } = this.bytes(range);
    for (const { by } of this.busy.touching(area, start, end))
      this.report(`${what} writes ${buffer.name} before the ${by.what} of handle ${by.handle} has ended`);
    if (buffer.home.kind === "batch" || buffer.home.kind === "tensor" || buffer.home.kind === "scalar")
      this.report(`${what} writes ${buffer.name}, which is given`);
    this.ownersOf(range).write(start, end, buffer);
  }
}
