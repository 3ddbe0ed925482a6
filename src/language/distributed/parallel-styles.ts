// Parallel styles, by PyTorch's names and defaults (torch.distributed.tensor.parallel): each splits the parameters of one
// module and says how tensors come to it and leave it.
import { Embedding, Linear } from "../nn/linear.js";
import type { Module } from "../nn/module.js";
import { planDoesNotFit } from "../services.js";
import { Tensor } from "../tensor.js";
import type { DeviceMesh } from "./device-mesh.js";
import { type Placement, Replicate, Shard } from "./placements.js";
import { distributeTensor, redistribute } from "./redistribute.js";

/** What is done to one module of a plan. */
export interface ParallelStyle {
  readonly name: string;
  apply(module: Module, mesh: DeviceMesh): void;
}

/** Of one tensor, or of several by position; null leaves a tensor as it comes. */
export type Layouts = Placement | readonly (Placement | null)[];

const listOf = (layouts: Layouts | null): readonly (Placement | null)[] =>
  layouts === null ? [] : Array.isArray(layouts) ? layouts : [layouts as Placement];

/** How tensors are said to come, and how they are to lie. */
export interface Arrangement {
  readonly from: Layouts | null;
  readonly to: Layouts;
}
interface Forward {
  forward: (...inputs: readonly unknown[]) => unknown;
}

/** Tensors among the inputs (by position), and those that `forward` gives, are brought where these say. */
export function arrangeModule(
  module: Module,
  mesh: DeviceMesh,
  { inputs, outputs }: { readonly inputs: Arrangement | null; readonly outputs: Arrangement | null },
): void {
  const own = module as unknown as Forward;
  const { forward } = own;
  const arrange = (values: readonly unknown[], arrangement: Arrangement | null): readonly unknown[] => {
    if (arrangement === null) return values;
    const [from, to] = [listOf(arrangement.from), listOf(arrangement.to)];
    return values.map((value, i) => {
      const placement = to[i];
      return value instanceof Tensor && placement
        ? redistribute(value, mesh, placement, { from: from[i] ?? null })
        : value;
    });
  };
  own.forward = (...given) => {
    const result = forward.call(module, ...arrange(given, inputs));
    return Array.isArray(result) ? arrange(result, outputs) : arrange([result], outputs)[0];
  };
}

/**
 * Splits the outputs: of `nn.Linear` the rows of the weight and the bias, of `nn.Embedding` the columns of the table.
 * The input comes whole and the result leaves split along its last dim unless told.
 */
export function ColwiseParallel({
  inputLayouts = Replicate(),
  outputLayouts = null,
}: {
  inputLayouts?: Placement;
  outputLayouts?: Placement | null;
} = {}): ParallelStyle {
  return {
    name: "ColwiseParallel",
    apply(module, mesh) {
      if (module instanceof Linear) {
        distributeTensor(module.weight, mesh, Shard(0));
        if (module.bias) distributeTensor(module.bias, mesh, Shard(0));
      } else if (module instanceof Embedding) distributeTensor(module.weight, mesh, Shard(1));
      else planDoesNotFit("ColwiseParallel", module);
      arrangeModule(module, mesh, {
        inputs: { from: inputLayouts, to: Replicate() },
        // Split along the last dim it comes by itself.
        outputs: outputLayouts === null ? null : { from: null, to: outputLayouts },
      });
    },
  };
}

/**
 * Splits the inputs: of `nn.Linear` the columns of the weight, of `nn.Embedding` the rows of the table (the vocabulary).
 * The input of a linear map comes split along its last dim, that of an embedding whole, and the result leaves whole
 * unless told.
 */
export function RowwiseParallel({
  inputLayouts,
  outputLayouts = Replicate(),
}: {
  inputLayouts?: Placement;
  outputLayouts?: Placement;
} = {}): ParallelStyle {
  return {
    name: "RowwiseParallel",
    apply(module, mesh) {
      if (module instanceof Linear) distributeTensor(module.weight, mesh, Shard(1));
      else if (module instanceof Embedding) distributeTensor(module.weight, mesh, Shard(0));
      else planDoesNotFit("RowwiseParallel", module);
      const desired = module instanceof Linear ? Shard(-1) : Replicate();
      arrangeModule(module, mesh, {
        inputs: { from: inputLayouts ?? desired, to: desired },
        outputs: { from: null, to: outputLayouts },
      });
    },
  };
}

/** Parameters stay whole; the input is split along the sequence, and so is what comes out: norms and dropout. */
export function SequenceParallel({ sequenceDim = 1 }: { sequenceDim?: number } = {}): ParallelStyle {
  return {
    name: "SequenceParallel",
    apply(module, mesh) {
      arrangeModule(module, mesh, { inputs: { from: null, to: Shard(sequenceDim) }, outputs: null });
    },
  };
}

/** How a module's inputs come, and how they are to lie before it runs. Nothing is done where nothing is said. */
export function PrepareModuleInput({
  inputLayouts = null,
  desiredInputLayouts = inputLayouts,
}: {
  inputLayouts?: Layouts | null;
  desiredInputLayouts?: Layouts | null;
} = {}): ParallelStyle {
  return {
    name: "PrepareModuleInput",
    apply(module, mesh) {
      if (desiredInputLayouts === null) return;
      arrangeModule(module, mesh, { inputs: { from: inputLayouts, to: desiredInputLayouts }, outputs: null });
    },
  };
}

/** How a module's results come, and how they are to lie behind it. */
export function PrepareModuleOutput({
  outputLayouts = null,
  desiredOutputLayouts = outputLayouts,
}: {
  outputLayouts?: Layouts | null;
  desiredOutputLayouts?: Layouts | null;
} = {}): ParallelStyle {
  return {
    name: "PrepareModuleOutput",
    apply(module, mesh) {
      if (desiredOutputLayouts === null) return;
      arrangeModule(module, mesh, { inputs: null, outputs: { from: outputLayouts, to: desiredOutputLayouts } });
    },
  };
}
