// Setup by hooks: models, how they are spread, first weights, optimizers, schedulers, loaders, in this order.
import type { DataLoader, Sampler } from "../data/data-loader.js";
import { checkStages } from "../distributed/check-stages.js";
import { checkpoint } from "../distributed/checkpoint.js";
import { DeviceMesh } from "../distributed/device-mesh.js";
import type { FullyShardOptions } from "../distributed/fully-shard.js";
import { type Pipeline, pipelineParallel } from "../distributed/pipeline.js";
import { splitSequences } from "../distributed/split-sequences.js";
import { ModuleList } from "../nn/containers.js";
import { cutIntoStages, degreeNeedsHook, hookMissing, hookSetsNoField, initialize } from "../services.js";
import type { BaseTrainer } from "./base-trainer.js";
import type { DreamTrainerConfig } from "./config.js";
import { meshDegreesOf } from "./devices.js";

/** What `applyFullyShard` hands on to `fullyShard`. */
export interface FullyShardConfig extends FullyShardOptions {
  readonly mesh: DeviceMesh;
  readonly reduceDtype: "f32" | "bf16";
}

// biome-ignore lint/suspicious/noExplicitAny: TypeScript asks mixins for constructors of any arguments
type Constructor<T> = abstract new (...args: any[]) => T;

/** Adds setup by hooks to a trainer; a hook that must be written and is not is an error when the program is built. */
export function SetupMixin<C extends DreamTrainerConfig, B extends Constructor<BaseTrainer<C>>>(Base: B) {
  abstract class WithSetup extends Base {
    private loaders: readonly [DataLoader, DataLoader | null] | null = null;

    /** Sets fields that hold the models. Nothing is allocated. */
    abstract configureModels(): void;
    /** Splits the models over the ranks of `tpMesh` with `parallelizeModule`. Needed where `tensorParallel` is above 1. */
    applyTensorParallel(_tpMesh: DeviceMesh): void {
      const { tensorParallel } = this.config.deviceParameters;
      degreeNeedsHook(this, "tensorParallel", tensorParallel, "applyTensorParallel");
    }
    /** Splits sequences over the ranks of `cpMesh`: unless told, dim 1 of every `[B, T]` tensor of tokens that a model takes. */
    applyContextParallel(cpMesh: DeviceMesh): void {
      for (const [, model] of this.models()) splitSequences(model, cpMesh);
    }
    /** Stages, as `pipelineParallel` makes them; balanced by cost unless told. */
    applyPipelineParallel(ppMesh: DeviceMesh): Pipeline {
      return pipelineParallel(null, ppMesh);
    }
    /** Calls `checkpoint` for modules; unless told, for every item of every `ModuleList`. */
    applyActivationCheckpointing(): void {
      for (const [, model] of this.models())
        for (const module of model.modules())
          if (module instanceof ModuleList) for (const item of module.children()) checkpoint(item);
    }
    /** Calls `fullyShard` for modules; unless told, all parameters are sharded, by repeated module. */
    applyFullyShard(_config: FullyShardConfig): void {}
    /** Calls `replicate` for models; unless told, all of them are whole on every rank of `mesh`. */
    applyReplicate(_mesh: DeviceMesh): void {}

    /** The whole mesh. */
    get deviceMesh(): DeviceMesh {
      return new DeviceMesh(meshDegreesOf(this.config.deviceParameters));
    }
    private spread(): void {
      const devices = this.config.deviceParameters;
      const mesh = this.deviceMesh;
      const { degrees } = mesh;
      if (degrees.tp !== 1) this.applyTensorParallel(mesh.get("tp"));
      if (degrees.cp !== 1) this.applyContextParallel(mesh.get("cp"));
      if (degrees.pp !== 1) this.cut(this.applyPipelineParallel(mesh.get("pp")));
      if (devices.activationCheckpointing) this.applyActivationCheckpointing();
      const { reduceDtype } = devices;
      if (degrees.dpShard !== 1) this.applyFullyShard({ mesh: mesh.get("dpShard+cp"), reduceDtype });
      else if (degrees.dpReplicate !== 1) this.applyReplicate(mesh.get("dpReplicate"));
    }
    private cut(pipeline: Pipeline): void {
      const { stages, schedule, numMicrobatches } = pipeline;
      const devices = this.config.deviceParameters;
      const { pipelineParallel: degree, pipelineSchedule, pipelineMicrobatches } = devices;
      const named = this.models().flatMap(([name, model]) => model.namedModules(name));
      checkStages(pipeline, named, degree);
      const stagesPerRank = stages === null ? devices.pipelineStagesPerRank : stages.length / degree;
      cutIntoStages({
        stages,
        schedule: schedule ?? pipelineSchedule ?? (stagesPerRank > 1 ? "interleaved1f1b" : "1f1b"),
        numMicrobatches: numMicrobatches ?? pipelineMicrobatches ?? degree * stagesPerRank,
        stagesPerRank,
      });
    }

    /** Gives parameters their first values, after every module's own `resetParameters`. */
    initWeights(): void {}
    /** Sets fields that hold the optimizers. */
    abstract configureOptimizers(): void;
    configureSchedulers(): void {}
    /** Sets fields that hold metrics. */
    configureMetrics(): void {}
    /** The training loader, and one for validation where there is one. */
    abstract configureDataloaders(): DataLoader | readonly [DataLoader] | readonly [DataLoader, DataLoader];

    override setup(): void {
      this.require("configureModels");
      this.require("configureOptimizers");
      this.require("configureDataloaders");
      this.require("trainingStep");
      this.configureModels();
      if (this.models().length === 0) hookSetsNoField(this, "configureModels", "a module");
      this.registerModels();
      this.spread();
      initialize(() => {
        for (const [, model] of this.models()) model.apply((module) => module.resetParameters());
        this.initWeights();
      });
      this.configureOptimizers();
      if (this.optimizers().length === 0) hookSetsNoField(this, "configureOptimizers", "an optimizer");
      this.registerOptimizers();
      this.configureSchedulers();
      this.configureMetrics();
      this.registerMetrics();
      const loaders = this.configureDataloaders();
      this.loaders = Array.isArray(loaders) ? [loaders[0], loaders[1] ?? null] : [loaders as DataLoader, null];
    }
    private require(hook: string): void {
      if (typeof (this as unknown as { [name: string]: unknown })[hook] !== "function") hookMissing(this, hook);
    }

    override get trainLoader(): DataLoader {
      if (this.loaders === null) throw new Error("there is no loader before setup");
      return this.loaders[0];
    }
    override get valLoader(): DataLoader | null {
      return this.loaders === null ? null : this.loaders[1];
    }
    /** Every sample once an epoch, in an order that the seed and the epoch give. */
    getTrainSampler(_dataset?: unknown): Sampler {
      return { shuffle: true };
    }
    /** In order. */
    getValSampler(_dataset?: unknown): Sampler {
      return { shuffle: false };
    }
  }
  return WithSetup;
}
