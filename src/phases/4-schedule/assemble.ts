// Purpose: jobs become launches with addresses. Waits are put before the first reader of what a collective makes,
// lifetimes are read off the list, the arena is planned, and every tensor gets its place.

import type { Amount, Buffer, Launch, Place, View as PlacedView, ScheduledGraph } from "../../ir/scheduled.js";
import type { State } from "../../ir/state.js";
import { numBytesOf } from "../../ir/tensor-type.js";
import { plus, product, times } from "./amounts.js";
import type { Outside } from "./bind-outside.js";
import { callStrides } from "./call-ways.js";
import type { Layouts } from "./choose-layouts.js";
import { aligned } from "./lay-out-states.js";
import type { LoweredGraph } from "./lower-graph.js";
import type { Lowering } from "./lowering.js";
import { type BegunJob, placeWaits, type Timed } from "./place-waits.js";
import { type Entry, planMemory } from "./plan-memory.js";
import { directReads, directWrites, visitItems } from "./touches.js";
import type { CallJob, Job, LaidKernel, LoopJob, ObserveJob, OperandMemory, TableJob, Tensor, View } from "./work.js";

type Laid = LaidKernel | TableJob;

export interface AssembleInputs {
  readonly graph: LoweredGraph;
  readonly jobs: readonly Job<Laid>[];
  readonly layouts: Layouts;
  readonly outside: ReadonlyMap<Tensor, Outside>;
  /** The tensor that lies where this one does; itself where it has memory of its own. */
  readonly lies: (tensor: Tensor) => Tensor;
  /** What stands for a tensor's memory, wherever it is. */
  readonly memoryOf: (tensor: Tensor) => unknown;
  readonly isSame: (a: Tensor, b: Tensor) => boolean;
  readonly states: ReadonlyMap<State, Buffer>;
  readonly lowering: Lowering;
}

export function assemble(inputs: AssembleInputs): { readonly graph: ScheduledGraph; readonly arenaBytes: Amount } {
  return new Assembly(inputs).finish();
}

class Assembly {
  private readonly buffers = new Map<Tensor, Buffer>();
  private readonly workspaces = new Map<CallJob, Buffer>();
  private readonly places = new Map<Tensor, Place>();
  private readonly names = new Map<string, number>();
  private readonly kernelNames = new Map<string, number>();
  private readonly timed: readonly Timed[];
  private readonly lifetimes = new Map<Tensor, { first: number; last: number }>();
  private readonly ownPaths = new Map<Tensor, readonly LoopJob[]>();
  private readonly workspaceTimes = new Map<CallJob, number>();
  constructor(private readonly of: AssembleInputs) {
    this.timed = placeWaits(of.jobs, { rounds: of.graph.rounds, cellOf: of.memoryOf, isSame: of.isSame });
  }

  finish(): { graph: ScheduledGraph; arenaBytes: Amount } {
    const { graph, jobs } = this.of;
    this.findPaths(jobs, []);
    this.findLifetimes();
    const arenaBytes = this.planArena();
    const launches = this.launchesOf(this.timed);
    const source = <K extends string>(kind: K): readonly Tensor[] =>
      graph.inputs.filter((tensor) => tensor.source?.kind === kind);
    const nameOf = ({ source: from }: Tensor): string =>
      from?.kind === "batch" ? from.field : from?.kind === "state" ? from.state.name : from!.name;
    for (const tensor of [...graph.inputs]) if (tensor.source?.kind !== "state") this.placeOf(tensor);
    return {
      graph: {
        name: graph.name,
        buffers: [...this.buffers.values(), ...this.workspaces.values()],
        launches,
        batchFields: source("batch").map(nameOf),
        scalars: source("scalar").map((tensor) => ({ name: nameOf(tensor), dtype: tensor.dtype })),
        tensors: source("tensor").map((tensor) => ({
          name: nameOf(tensor),
          dtype: tensor.dtype,
          shape: tensor.shape.map((size) => size[0]!),
        })),
        results: graph.results.map(({ name, value }) => ({
          name,
          buffer: this.resultBuffer(name),
          shape: value.type.shape,
        })),
      },
      arenaBytes: aligned(arenaBytes),
    };
  }

  private resultBuffer(name: string): Buffer {
    for (const [tensor, where] of this.of.outside)
      if (where.kind === "result" && where.name === name) return this.placeOf(tensor) as Buffer;
    throw new Error(`nobody writes result ${name}`);
  }

  private cellOf(tensor: Tensor): Tensor {
    return this.of.lies(tensor);
  }

  private isInArena(tensor: Tensor): boolean {
    return tensor.source === null && !this.of.outside.has(tensor) && !this.of.graph.rounds.has(tensor);
  }

  private findPaths(jobs: readonly Job<Laid>[], path: readonly LoopJob[]): void {
    const own = (tensor: Tensor): void => {
      const known = this.ownPaths.get(this.cellOf(tensor));
      if (!known || known.length > path.length) this.ownPaths.set(this.cellOf(tensor), path);
    };
    for (const job of jobs) {
      if (job.kind === "loop") {
        job.makes.forEach(own);
        this.findPaths(job.body.jobs as Job<Laid>[], [...path, job]);
      } else directWrites(job).forEach(own);
    }
  }

  private findLifetimes(): void {
    let now = 0;
    const spans = new Map<number, { first: number; last: number }>();
    const pending: { cell: Tensor; loop: number }[] = [];
    const touch = (tensor: Tensor, path: readonly LoopJob[]): void => {
      visitItems(tensor, this.of.graph.rounds, (item) => {
        const cell = this.cellOf(item);
        if (!this.isInArena(cell)) return;
        const known = this.lifetimes.get(cell);
        if (known) known.last = now;
        else this.lifetimes.set(cell, { first: now, last: now });
        const depth = this.ownPaths.get(cell)?.length ?? 0;
        const through = path[depth];
        if (through) pending.push({ cell, loop: through.loop });
      });
    };
    const walk = (list: readonly Timed[], path: readonly LoopJob[]): void => {
      for (const job of list) {
        now++;
        if (job.kind === "loop") {
          const span = { first: now, last: now };
          spans.set(job.loop, span);
          walk(job.body.jobs as readonly Timed[], [...path, job]);
          now++;
          span.last = now;
        } else if (job.kind === "wait") {
          for (const { source, target } of job.of.parts) for (const tensor of [source, target]) touch(tensor, path);
        } else {
          for (const tensor of [...directReads(job), ...directWrites(job)]) touch(tensor, path);
          if (job.kind === "call") this.workspaceTimes.set(job, now);
        }
      }
    };
    walk(this.timed, []);
    for (const { cell, loop } of pending) {
      const life = this.lifetimes.get(cell)!;
      const span = spans.get(loop)!;
      life.first = Math.min(life.first, span.first);
      life.last = Math.max(life.last, span.last);
    }
  }

  private planArena(): Amount {
    const { lowering, graph } = this.of;
    const rowOf = new Map<Tensor, readonly Tensor[]>();
    for (const row of graph.rows)
      if (row.every((tensor) => this.isInArena(tensor) && this.cellOf(tensor) === tensor))
        for (const tensor of row) rowOf.set(tensor, row);
    const entries: (Entry & { readonly place: (offset: Amount) => void })[] = [];
    const done = new Set<Tensor>();
    const bytesOf = (tensor: Tensor): Amount =>
      times(product(tensor.shape, lowering.numVariants), lowering.amount(numBytesOf[tensor.dtype]));
    for (const [tensor, life] of this.lifetimes) {
      if (done.has(tensor)) continue;
      const row = rowOf.get(tensor)?.filter((each) => this.lifetimes.has(each)) ?? [tensor];
      const lives = row.map((each) => this.lifetimes.get(each)!);
      for (const each of row) done.add(each);
      const one = aligned(bytesOf(tensor));
      entries.push({
        bytes: times(one, lowering.amount(row.length)),
        first: Math.min(life.first, ...lives.map(({ first }) => first)),
        last: Math.max(life.last, ...lives.map(({ last }) => last)),
        place: (offset) => {
          row.forEach((each, i) => {
            this.buffers.set(each, this.buffer(each, plus(offset, times(one, lowering.amount(i)))));
          });
        },
      });
    }
    for (const [job, at] of this.workspaceTimes) {
      if (job.workspace.every((bytes) => bytes === 0)) continue;
      entries.push({
        bytes: job.workspace,
        first: at,
        last: at,
        place: (offset) => {
          const numElements = job.workspace.map((bytes) => Math.ceil(bytes / 4));
          const name = this.unique(`${job.symbol}Workspace`, this.names);
          this.workspaces.set(job, {
            kind: "buffer",
            name,
            dtype: "f32",
            numElements,
            home: { kind: "arena", offset },
          });
        },
      });
    }
    const planned = planMemory(entries, lowering.numVariants);
    entries.forEach(({ place }, i) => {
      place(planned.offsets[i]!);
    });
    return planned.bytes;
  }

  private buffer(tensor: Tensor, offset: Amount): Buffer {
    return {
      kind: "buffer",
      name: this.unique(tensor.name === "" ? "value" : tensor.name, this.names),
      dtype: tensor.dtype,
      numElements: product(tensor.shape, this.of.lowering.numVariants),
      home: { kind: "arena", offset },
    };
  }

  private unique(name: string, used: Map<string, number>): string {
    const count = (used.get(name) ?? 0) + 1;
    used.set(name, count);
    return count === 1 ? name : this.unique(`${name}${count}`, used);
  }

  private placeOf(tensor: Tensor): Place {
    const known = this.places.get(tensor);
    if (known) return known;
    const place = this.makePlace(tensor);
    this.places.set(tensor, place);
    return place;
  }

  private makePlace(tensor: Tensor): Place {
    const rounds = this.of.graph.rounds.get(tensor);
    if (rounds) return { kind: "rounds", loop: rounds.loop, items: rounds.items.map((item) => this.placeOf(item)) };
    const cell = this.cellOf(tensor);
    if (cell !== tensor) return this.placeOf(cell);
    const where = this.of.outside.get(tensor);
    if (where?.kind === "state") return this.stateBuffer(where.state);
    if (tensor.source?.kind === "state") return this.stateBuffer(tensor.source.state);
    const there = this.buffers.get(tensor);
    if (there) return there;
    const outside = this.outsideBuffer(tensor, where ?? tensor.source);
    this.buffers.set(tensor, outside);
    return outside;
  }

  private stateBuffer(state: State): Buffer {
    const buffer = this.of.states.get(state);
    if (!buffer) throw new Error(`${state.name} has no home`);
    return buffer;
  }

  private outsideBuffer(tensor: Tensor, where: Outside | Tensor["source"]): Buffer {
    if (where === null || where.kind === "state") throw new Error(`${tensor.name} (${tensor.id}) has no memory`);
    return {
      kind: "buffer",
      name: this.unique(where.kind === "batch" ? where.field : where.name, this.names),
      dtype: tensor.dtype,
      numElements: product(tensor.shape, this.of.lowering.numVariants),
      home: where,
    };
  }

  private launchesOf(list: readonly Timed[]): readonly Launch[] {
    return list.map((job): Launch => {
      switch (job.kind) {
        case "laid": {
          const kernel = { ...job.kernel, name: this.unique(job.kernel.name, this.kernelNames) };
          return { kind: "kernel", kernel, operands: this.operandsOf(job.memory) };
        }
        case "table": {
          const kernel = { ...job.kernel, name: this.unique(job.kernel.name, this.kernelNames) };
          const rows = job.rows.map(({ size, memory }) => ({ size, operands: this.operandsOf(memory) }));
          return { kind: "table", kernel, rows };
        }
        case "call":
          return this.callLaunch(job);
        case "collective":
          return this.collectiveLaunch(job);
        case "wait":
          return {
            kind: "wait",
            axis: job.of.axis,
            handle: job.of.handle,
            ...(job.of.staggered ? { stagger: { ...job.of.staggered, ahead: -(job.behind ?? 0) } } : {}),
          };
        case "observe":
          return this.observeLaunch(job);
        case "loop": {
          const { loop, count, name, phase } = job;
          return { kind: "loop", loop, count, name, phase, body: this.launchesOf(job.body.jobs as readonly Timed[]) };
        }
      }
    });
  }

  private operandsOf(memory: readonly OperandMemory[]): readonly { place: Place; offset: Amount }[] {
    return memory.map(({ tensor, offset }) => ({ place: this.placeOf(tensor), offset }));
  }

  private viewOffset({ tensor, offset }: View): Amount {
    const layout = this.of.layouts(tensor);
    return offset.reduce((sum, start, dim) => plus(sum, times(start, layout[dim]!)), this.of.lowering.zero);
  }

  private callLaunch(job: CallJob): Launch {
    const { layouts, lowering } = this.of;
    return {
      kind: "call",
      symbol: job.symbol,
      sizes: job.ways[0].groups,
      operands: job.ways[0].operands.map((operand) => {
        const strides = callStrides(operand, layouts(operand.view.tensor), lowering.numVariants);
        if (!strides) throw new Error(`${job.symbol} cannot take ${operand.name} as it lies`);
        return {
          name: operand.name,
          dtype: operand.view.tensor.dtype,
          role: operand.role,
          place: this.placeOf(operand.view.tensor),
          offset: this.viewOffset(operand.view),
          strides: operand.groups.map(({ group }, i) => ({ group, stride: strides[i]! })),
        };
      }),
      options: job.options,
      workspace: this.workspaces.get(job) ?? null,
      from: job.from,
    };
  }

  private collectiveLaunch(job: BegunJob): Launch {
    const { what, axis, reduction, from } = job;
    const { zero, numVariants } = this.of.lowering;
    return {
      kind: "collective",
      what,
      axis,
      reduction,
      handle: job.handle,
      ...(job.staggered ? { stagger: job.staggered } : {}),
      ...(job.transfer ? { transfer: job.transfer } : {}),
      parts: job.parts.map(({ source, target }) => ({
        dtype: source.dtype,
        source: { place: this.placeOf(source), offset: zero },
        target: { place: this.placeOf(target), offset: zero },
        numElements: product(source.shape, numVariants),
      })),
      from,
    };
  }

  private observeLaunch({ label, view, shape, placement }: ObserveJob): Launch {
    const layout = this.of.layouts(view.tensor);
    const { zero } = this.of.lowering;
    const strides = view.dims.map((parts): Amount => {
      const [part, ...more] = parts;
      if (more.length > 0) throw new Error(`what is observed as ${label} has no strides`);
      return part === undefined || part.dim < 0 ? zero : times(part.step, layout[part.dim]!);
    });
    const placed: PlacedView = { place: this.placeOf(view.tensor), offset: this.viewOffset(view), strides };
    return { kind: "observe", label, view: placed, shape, placement, dtype: view.tensor.dtype };
  }
}
