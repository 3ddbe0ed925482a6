// The training loop: epochs of optimizer steps of microbatches, with validation, logging and callbacks. It runs in the
// program; models, optimizers and loaders are known when the program is built.
import type { Batch, DataLoader } from "../data/data-loader.js";
import { Metric } from "../metrics/metric.js";
import { joinPath, Module } from "../nn/module.js";
import { clipGradNorm, gradNorm } from "../optim/clip.js";
import { type AnyOptimizer, Optimizer } from "../optim/optimizer.js";
import { LRScheduler } from "../optim/schedulers.js";
import * as services from "../services.js";
import { Buffer, type Parameter, type Tensor } from "../tensor.js";
import type { DreamTrainerConfig } from "./config.js";
import { meshDegreesOf } from "./devices.js";

/** What a step reports: numbers by name. `loss` is averaged over the microbatches of a step. */
export type StepResult = { readonly [name: string]: Tensor | number | undefined };

/**
 * The training loop and what it counts. A trainer has only what it mixes in: `SetupMixin` makes models by hooks,
 * `DreamTrainer` has everything.
 */
export abstract class BaseTrainer<Config extends DreamTrainerConfig = DreamTrainerConfig> {
  /** Optimizer steps taken. */
  globalStep = services.runtime(0);
  /** Microbatches taken. */
  localBatches = services.runtime(0);
  currentEpoch = services.runtime(0);
  /** Whether this microbatch is not the last of its step: `backward` only adds up, and no step is due. */
  isAccumulatingGradients = false;
  logEvery: number;
  constructor(readonly config: Config) {
    this.logEvery = config.trainingParameters.logEveryNSteps;
  }

  /** Makes models, optimizers, schedulers and loaders; `SetupMixin` does it by hooks. */
  abstract setup(): void;
  abstract trainingStep(batch: Batch, batchIdx: number): StepResult;
  validationStep(_batch: Batch, _batchIdx: number): StepResult {
    return services.hookMissing(this, "validationStep");
  }
  abstract get trainLoader(): DataLoader;
  get valLoader(): DataLoader | null {
    return null;
  }

  private fieldsOf<T>(kind: abstract new (...args: never[]) => T): [string, T][] {
    return Object.entries(this).filter((entry): entry is [string, T] => entry[1] instanceof kind);
  }
  optimizers(): AnyOptimizer[] {
    return this.fieldsOf(Optimizer).map(([, optimizer]) => optimizer);
  }
  schedulers(): LRScheduler[] {
    return this.fieldsOf(LRScheduler).map(([, scheduler]) => scheduler);
  }
  models(): [string, Module][] {
    return this.fieldsOf(Module);
  }
  metrics(): [string, Metric][] {
    return this.fieldsOf(Metric);
  }

  /** Tells the compiler the names of all modules, parameters and buffers. */
  protected registerModels(): void {
    for (const [name, model] of this.models()) {
      for (const [path, module] of model.namedModules(name)) {
        services.registerModule(path, module);
        for (const [field, value] of module.namedOwnStates()) services.registerState(joinPath(path, field), value);
      }
    }
  }
  protected registerMetrics(): void {
    for (const [name, metric] of this.metrics())
      for (const [field, value] of Object.entries(metric))
        if (value instanceof Buffer) services.registerState(joinPath(name, field), value);
  }
  protected registerOptimizers(): void {
    for (const [name, optimizer] of this.fieldsOf(Optimizer))
      services.registerOptimizer(name, optimizer, optimizer.parameters());
  }

  /** Adds the gradients of `loss`, divided by the number of microbatches of a step, to those of the parameters. */
  backward(loss: Tensor): void {
    const { gradientAccumulationSteps } = this.config.trainingParameters;
    const steps = services.pinned(gradientAccumulationSteps);
    services.backward(steps === 1 ? loss : loss.mul(1 / steps));
  }

  /** Clips, steps and clears the gradients of `model`; gives their norm before clipping. */
  step(model: Module, optimizer: AnyOptimizer): Tensor {
    const { callbacks, trainingParameters } = this.config;
    const { gradientClipVal } = trainingParameters;
    if (model.parameters().length === 0) throw new Error("this model has no parameters to step");
    const parameters = optimizer.parameters();
    callbacks.call((callback) => callback.preOptimizerStep());
    const gradientNorm = services.updating(() => {
      const norm = services.isOff(gradientClipVal)
        ? gradNorm(parameters)
        : clipGradNorm(parameters, services.runtime(gradientClipVal) > 0 ? gradientClipVal : Infinity);
      optimizer.step();
      return norm;
    });
    callbacks.call((callback) => callback.postOptimizerStep());
    callbacks.call((callback) => callback.preOptimizerZeroGrad());
    optimizer.zeroGrad();
    callbacks.call((callback) => callback.postOptimizerZeroGrad());
    return gradientNorm;
  }

  /** Runs the whole training. */
  fit(): void {
    const { callbacks, deviceParameters } = this.config;
    services.registerTrainer(this);
    services.configureDevices({
      degrees: meshDegreesOf(deviceParameters),
      precision: deviceParameters.precision,
      reduceDtype: deviceParameters.reduceDtype,
      asyncTensorParallel: deviceParameters.asyncTensorParallel,
      rotateMethod: deviceParameters.contextParallelRotateMethod,
      balancesSequence: deviceParameters.contextParallelLoadBalance,
      fusesKernels: deviceParameters.compileModel,
      memoryBudget: deviceParameters.activationMemoryBudget,
      offloadsOptimizer: deviceParameters.offloadOptimizer,
      accumulatesWhole: deviceParameters.accumulateWholeGradients,
    });
    callbacks.attach(this);
    callbacks.call((callback) => callback.preSetup());
    this.setup();
    callbacks.call((callback) => callback.postSetup());
    callbacks.call((callback) => callback.preFit());
    for (const scheduler of this.schedulers()) scheduler.apply();
    let isStopping = services.runtime(false);
    for (
      this.currentEpoch = services.runtime(0);
      this.currentEpoch < services.runtime(this.config.trainingParameters.nEpochs) && !isStopping;
      this.currentEpoch++
    ) {
      isStopping = this.trainEpoch();
    }
    callbacks.call((callback) => callback.postFit());
    this.finish();
  }
  /** After training. */
  finish(): void {}

  /** One epoch; true if the program is to end. */
  protected trainEpoch(): boolean {
    const { callbacks, trainingParameters } = this.config;
    const microbatches = services.pinned(trainingParameters.gradientAccumulationSteps);
    const { trainLoader, valLoader } = this;
    const { numBatches } = trainLoader;
    const numSteps = microbatches === 1 ? numBatches : Math.floor(numBatches / microbatches);
    const hasValidation = valLoader !== null && !services.isOff(trainingParameters.valFrequency);
    const valEvery = Math.max(1, Math.floor(numSteps * trainingParameters.valFrequency));
    callbacks.call((callback) => callback.preTrainEpoch());
    let isStopping = services.runtime(false);
    for (let index = services.runtime(0); index < numSteps; index++) {
      if (services.shouldStop(this.globalStep)) {
        isStopping = services.runtime(true);
        break;
      }
      callbacks.call((callback) => callback.preTrainStep(index));
      const { result, tokens } = this.trainStep(index, microbatches);
      callbacks.call((callback) => callback.postTrainStep(result, index));
      this.globalStep++;
      for (const scheduler of this.schedulers()) if (scheduler.interval === "step") scheduler.step();
      services.logEvent("train", {
        step: this.globalStep,
        epoch: this.currentEpoch,
        metrics: result,
        tokens,
        console: this.globalStep % this.logEvery === 0 || this.globalStep === 1,
      });
      services.reportProgress(this.currentEpoch * numSteps + index + 1, numSteps * trainingParameters.nEpochs);
      if (hasValidation) {
        if (services.runtime(trainingParameters.valFrequency) > 0 && (index + 1) % valEvery === 0) this.validate();
      }
    }
    callbacks.call((callback) => callback.postTrainEpoch());
    for (const scheduler of this.schedulers()) if (scheduler.interval === "epoch") scheduler.step();
    return isStopping;
  }

  /** One optimizer step: the microbatches before the last only add up gradients. `tokens` (or samples) are for throughput. */
  private trainStep(index: number, microbatches: number): { readonly result: StepResult; readonly tokens: number } {
    const run = (part: string, place: number): { result: StepResult; tokens: number } =>
      services.namedPart(part, () => {
        const batch = this.trainLoader.fetch(this.currentEpoch, place);
        const result = services.withRandomStep(this.localBatches, () => this.trainingStep(batch, index));
        this.localBatches++;
        return { result, tokens: tokensOf(batch) * microbatches };
      });
    if (microbatches === 1) return run("trainingStep", index);
    this.isAccumulatingGradients = true;
    this.losses.reset();
    for (let micro = services.runtime(0); micro < microbatches - 1; micro++) {
      const { loss } = run("accumulationStep", index * microbatches + micro).result;
      if (loss !== undefined) this.losses.add({ loss });
    }
    this.isAccumulatingGradients = false;
    const { result, tokens } = run("trainingStep", (index + 1) * microbatches - 1);
    if (result.loss === undefined) return { result, tokens };
    this.losses.add({ loss: result.loss });
    return { result: { ...result, ...this.losses.means }, tokens };
  }
  private readonly losses = new services.RunningMeans("trainMean");
  private readonly means = new services.RunningMeans("validationMean");

  /** Runs `validationStep` over batches of the validation loader and logs the means, and the metrics. */
  validate(): void {
    const { valLoader } = this;
    if (valLoader === null) return;
    const { callbacks, trainingParameters } = this.config;
    callbacks.call((callback) => callback.preValidationEpoch());
    for (const [, model] of this.models()) model.eval();
    this.means.reset();
    services.namedPart("resetMetrics", () => {
      for (const [, metric] of this.metrics()) metric.reset();
    });
    const numBatches = Math.min(valLoader.numBatches, services.runtime(trainingParameters.valBatches));
    for (let index = services.runtime(0); index < numBatches; index++) {
      callbacks.call((callback) => callback.preValidationStep(index));
      const result = services.namedPart("validationStep", () => {
        const batch = valLoader.fetch(0, index);
        const reported = services.withRandomStep(index, () => this.validationStep(batch, index));
        this.means.add(reported);
        return reported;
      });
      callbacks.call((callback) => callback.postValidationStep(result, index));
    }
    for (const [, model] of this.models()) model.train();
    const computed = services.namedPart("computeMetrics", () =>
      Object.fromEntries(this.metrics().map(([name, metric]) => [name, metric.compute().item()])),
    );
    const metrics = { ...this.means.means, ...computed };
    services.logEvent("validation", {
      step: this.globalStep,
      epoch: this.currentEpoch,
      metrics,
      tokens: 0,
      console: true,
    });
    callbacks.call((callback) => callback.postValidationEpoch(metrics));
  }

  /** Parameters of every model. */
  parameters(): Parameter[] {
    return this.models().flatMap(([, model]) => model.parameters());
  }
}

const tokensOf = (batch: Batch): number => {
  const [first] = Object.values(batch);
  if (first === undefined) return 0;
  return first.dtype === "i32" ? first.numel() : first.size(0);
};
