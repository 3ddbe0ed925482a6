// Setup by hooks: models, first weights, optimizers, schedulers, loaders, in this order.
import type { DataLoader, Sampler } from "../data/data-loader.js";
import { hookMissing, hookSetsNoField, initialize } from "../services.js";
import type { BaseTrainer } from "./base-trainer.js";
import type { DreamTrainerConfig } from "./config.js";

// biome-ignore lint/suspicious/noExplicitAny: TypeScript asks mixins for constructors of any arguments
type Constructor<T> = abstract new (...args: any[]) => T;

/** Adds setup by hooks to a trainer; a hook that must be written and is not is an error when the program is built. */
export function SetupMixin<C extends DreamTrainerConfig, B extends Constructor<BaseTrainer<C>>>(Base: B) {
  abstract class WithSetup extends Base {
    private loaders: readonly [DataLoader, DataLoader | null] | null = null;

    /** Sets fields that hold the models. Nothing is allocated. */
    abstract configureModels(): void;
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
