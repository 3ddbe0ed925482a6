// The meaning of the services by which hooks spread a program: they fill the layout, and mark tensors where a plan says
// how they lie.
import { diagnosed } from "../../../diagnostics/diagnostic.js";
import type { MessageArguments } from "../../../diagnostics/messages.js";
import { nearestName } from "../../../diagnostics/nearest-name.js";
import type { PipelineRequest, PipelineSchedule } from "../../../ir/layout.js";
import { fixedRanks, liveAxes, meshOf } from "../../../ir/mesh.js";
import { dataAxes } from "../../../ir/mesh-facts.js";
import type { Origin } from "../../../ir/origin.js";
import type { Axis, Mesh } from "../../../ir/placement.js";
import { mark } from "../../../ops/table.js";
import type { Registry } from "./services.js";
import type { MutableTensor, Parameter, Tensor } from "./tensor.js";
import type { Tracer } from "./tracer.js";

/** What the config says of the mesh and of everything that has no hook. */
interface Devices {
  readonly degrees: Partial<Mesh["degrees"]>;
  readonly precision: "f32" | "bf16";
  readonly reduceDtype: "f32" | "bf16";
  readonly asyncTensorParallel: boolean;
  readonly rotateMethod: "alltoall" | "allgather";
  readonly balancesSequence: boolean;
  readonly fusesKernels: boolean;
  readonly memoryBudget: number | null;
  readonly offloadsOptimizer: boolean;
  readonly accumulatesWhole: boolean;
}

/** Messages on the stages of a pipeline. */
type StageFault = "stages-do-not-share-out" | "stages-miss-module" | "stages-repeat-module";

export function layoutServices(tracer: Tracer, registry: Registry): { readonly [name: string]: unknown } {
  const { layout } = registry;
  const pathOf = (module: object): string => {
    const path = tracer.modulePaths.get(module);
    if (path === undefined) throw tracer.ev.fail("module-not-registered", module.constructor.name);
    return path;
  };
  return {
    configureDevices: ({ degrees, precision, reduceDtype, ...switches }: Devices) => {
      registry.mesh = meshOf(degrees);
      tracer.axes = liveAxes(registry.mesh);
      registry.precision = { compute: precision, reduce: reduceDtype };
      layout.switches = switches;
    },
    checkBatchSize: (given: number) => {
      const size = Number(given);
      const ranks = fixedRanks(registry.mesh, dataAxes);
      if (size % ranks === 0) {
        checkMicrobatches(size, ranks, layout.pipeline?.numMicrobatches ?? 1, tracer);
        return;
      }
      const degrees = dataAxes.filter((axis) => ![1, "auto"].includes(registry.mesh.degrees[axis]));
      const named = degrees.map((axis) => `${axis} ${registry.mesh.degrees[axis]}`);
      const nearest = Math.max(1, Math.round(size / ranks)) * ranks;
      throw tracer.ev.fail("batch-does-not-divide", size, ranks, named, nearest);
    },
    markTensor: (tensor: Tensor, axis: Axis, dim: number | null, comes?: number | null) => {
      const name = layout.mark(axis, dim, comes);
      return tracer.tensor(tracer.emit(mark, [tracer.valueOf(tensor)], { name })[0]!);
    },
    splittingLosses: (axis: Axis, body: () => unknown) => {
      const before = tracer.logitsMark;
      tracer.logitsMark = layout.splitLoss(axis, 1);
      try {
        return body();
      } finally {
        tracer.logitsMark = before;
      }
    },
    splitState: (tensor: MutableTensor, axis: Axis, dim: number | null) => {
      const state = tracer.stateOf(tensor);
      const before = layout.use(state, axis, dim);
      if (before !== undefined) throw tracer.ev.fail("parameter-split-two-ways", state.paths, axis, before, dim);
    },
    shardTogether: (
      module: object,
      inner: readonly object[],
      parameters: readonly Parameter[],
      options: { readonly reshardAfterForward: boolean | null; readonly reduceDtype: "f32" | "bf16" },
    ) => {
      const taken = new Set(layout.shardUnits.flatMap(({ states }) => states));
      const path = pathOf(module);
      const insides = new Set(inner.filter((each) => each !== module).map(pathOf));
      const holdsUnits = layout.shardUnits.some((unit) => insides.has(unit.path));
      layout.shardUnits.push({
        path,
        states: parameters.map((parameter) => tracer.stateOf(parameter)).filter((state) => !taken.has(state)),
        reshardAfterForward: options.reshardAfterForward ?? !holdsUnits,
        reduceDtype: options.reduceDtype,
      });
    },
    prefetchUnits: (count: number) => {
      layout.prefetch = Number(count);
    },
    recomputeModule: (module: object) => {
      layout.recomputed.add(pathOf(module));
    },
    cutIntoStages: (request: {
      readonly stages: readonly (readonly object[])[] | null;
      readonly schedule: PipelineSchedule;
      readonly numMicrobatches: number;
      readonly stagesPerRank: number;
    }) => {
      layout.pipeline = { ...request, stages: request.stages?.map((stage) => stage.map(pathOf)) ?? null };
      checkTurns(layout.pipeline, Number(registry.mesh.degrees.pp), tracer);
    },
    currentPlace: () => ({ origin: tracer.ev.origin() }),
    refuseStages: (
      { origin }: { readonly origin: Origin | null },
      fault: StageFault,
      ...details: readonly (string | number)[]
    ) => {
      throw diagnosed(origin, fault, ...(details as MessageArguments<StageFault>));
    },
    planNamesNoModule: (module: object, pattern: string, names: readonly string[]) => {
      throw tracer.ev.fail("plan-names-no-module", module.constructor.name, pattern, nearestName(pattern, names));
    },
    planDoesNotFit: (style: string, module: object) => {
      throw tracer.ev.fail("style-does-not-fit", style, pathOf(module), module.constructor.name);
    },
    degreeNeedsHook: (trainer: object, entry: string, degree: number, hook: string) => {
      const { name } = trainer.constructor;
      throw tracer.ev.failAtClass(trainer.constructor, "degree-needs-hook", name, entry, degree, hook);
    },
  };
}

/** A batch is cut into microbatches once it is shared out. */
function checkMicrobatches(size: number, ranks: number, count: number, tracer: Tracer): void {
  const own = size / ranks;
  if (own % count === 0) return;
  const divisors = Array.from({ length: own }, (_, i) => i + 1).filter((n) => own % n === 0);
  const nearest = divisors.toSorted((a, b) => Math.abs(a - count) - Math.abs(b - count))[0] ?? 0;
  throw tracer.ev.fail("microbatches-do-not-divide", size, ranks, count, nearest);
}

/** Whether a schedule fits the stages of each rank, and microbatches come in the groups in which it takes them. */
function checkTurns(
  { schedule, numMicrobatches, stagesPerRank }: PipelineRequest,
  degree: number,
  tracer: Tracer,
): void {
  const isInterleaved = schedule === "interleaved1f1b";
  if (schedule !== "gpipe" && isInterleaved !== stagesPerRank > 1)
    throw tracer.ev.fail("interleaved-without-stages", schedule, stagesPerRank);
  if (!isInterleaved || numMicrobatches % degree === 0) return;
  const nearest = Math.max(1, Math.round(numMicrobatches / degree)) * degree;
  throw tracer.ev.fail("microbatches-not-in-groups", numMicrobatches, degree, nearest);
}
