// The training loop: epochs of optimizer steps of microbatches, with validation, logging and callbacks. It runs in the
// program; models, optimizers and loaders are known when the program is built.
import type { Batch, DataLoader } from "../data/data-loader.js";
import { joinPath, Module } from "../nn/module.js";
import { clipGradNorm, gradNorm } from "../optim/clip.js";
import { Optimizer } from "../optim/optimizer.js";
import { LRScheduler } from "../optim/schedulers.js";
import * as services from "../services.js";
import type { Parameter, Tensor } from "../tensor.js";
import type { DreamTrainerConfig } from "./config.js";

/** What a step reports: numbers by name. `loss` is averaged over the microbatches of a step. */
export type StepResult = { readonly [name: string]: Tensor | number | undefined };

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
    throw new Error(`${this.constructor.name} has a validation loader but no validationStep`);
  }
  abstract get trainLoader(): DataLoader;
  get valLoader(): DataLoader | null {
    return null;
  }

  private fieldsOf<T>(kind: abstract new (...args: never[]) => T): [string, T][] {
    return Object.entries(this).filter((entry): entry is [string, T] => entry[1] instanceof kind);
  }
  optimizers(): Optimizer[] {
    return this.fieldsOf(Optimizer).map(([, optimizer]) => optimizer);
  }
  schedulers(): LRScheduler[] {
    return this.fieldsOf(LRScheduler).map(([, scheduler]) => scheduler);
  }
  models(): [string, Module][] {
    return this.fieldsOf(Module);
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
  step(model: Module, optimizer: Optimizer): Tensor {
    const clip = services.pinned(this.config.trainingParameters.gradientClipVal);
    const parameters = optimizer.parameters();
    if (model.numParameters() === 0) throw new Error("this model has no parameters to step");
    this.config.callbacks.call((callback) => callback.preOptimizerStep());
    const norm = clip > 0 ? clipGradNorm(parameters, clip) : gradNorm(parameters);
    optimizer.step();
    optimizer.zeroGrad();
    this.config.callbacks.call((callback) => callback.postOptimizerStep());
    return norm;
  }

  /** Runs the whole training. */
  fit(): void {
    const { callbacks, deviceParameters } = this.config;
    services.registerTrainer(this);
    services.configureDevices({
      dpReplicate: services.pinned(deviceParameters.dpReplicate),
      dpShard: services.pinned(deviceParameters.dpShard),
      tensorParallel: services.pinned(deviceParameters.tensorParallel),
      contextParallel: services.pinned(deviceParameters.contextParallel),
      pipelineParallel: services.pinned(deviceParameters.pipelineParallel),
      precision: services.pinned(deviceParameters.precision),
    });
    this.setup();
    callbacks.attach(this);
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
    const numSteps = Math.floor(trainLoader.numBatches / microbatches);
    const hasValidation = valLoader !== null && services.pinned(trainingParameters.valFrequency) > 0;
    const valEvery = Math.max(1, Math.floor(numSteps * trainingParameters.valFrequency));
    callbacks.call((callback) => callback.preTrainEpoch());
    let isStopping = services.runtime(false);
    for (let index = services.runtime(0); index < numSteps; index++) {
      if (services.shouldStop(this.globalStep)) {
        isStopping = services.runtime(true);
        break;
      }
      callbacks.call((callback) => callback.preTrainStep(index));
      const result = this.trainStep(index, microbatches);
      callbacks.call((callback) => callback.postTrainStep(result, index));
      this.globalStep++;
      for (const scheduler of this.schedulers()) if (scheduler.interval === "step") scheduler.step();
      services.logEvent("train", {
        step: this.globalStep,
        epoch: this.currentEpoch,
        metrics: result,
        tokens: this.tokensPerBatch * microbatches,
        console: this.globalStep % this.logEvery === 0 || this.globalStep === 1,
      });
      services.reportProgress(this.currentEpoch * numSteps + index + 1, numSteps * trainingParameters.nEpochs);
      if (hasValidation) {
        if ((index + 1) % valEvery === 0) this.validate();
      }
    }
    callbacks.call((callback) => callback.postTrainEpoch());
    for (const scheduler of this.schedulers()) if (scheduler.interval === "epoch") scheduler.step();
    return isStopping;
  }

  /** Tokens (or samples) of one microbatch, for throughput. */
  protected tokensPerBatch = 0;

  /** One optimizer step: the microbatches before the last only add up gradients. */
  private trainStep(index: number, microbatches: number): StepResult {
    const { trainLoader } = this;
    const run = (micro: number): StepResult =>
      services.namedPart("trainingStep", () => {
        const batch = trainLoader.fetch(this.currentEpoch, index * microbatches + micro);
        this.tokensPerBatch = tokensOf(batch);
        const result = services.withRandomStep(this.localBatches, () => this.trainingStep(batch, index));
        this.localBatches++;
        return result;
      });
    if (microbatches === 1) return run(0);
    this.isAccumulatingGradients = true;
    this.losses.reset();
    for (let micro = services.runtime(0); micro < microbatches - 1; micro++) {
      const { loss } = run(micro);
      if (loss !== undefined) this.losses.add({ loss });
    }
    this.isAccumulatingGradients = false;
    const last = run(microbatches - 1);
    if (last.loss === undefined) return last;
    this.losses.add({ loss: last.loss });
    return { ...last, ...this.losses.means };
  }
  private readonly losses = new services.RunningMeans("trainMean");
  private readonly means = new services.RunningMeans("validationMean");

  /** Runs `validationStep` over batches of the validation loader and logs the means. */
  validate(): void {
    const { valLoader } = this;
    if (valLoader === null) return;
    const { callbacks, trainingParameters } = this.config;
    callbacks.call((callback) => callback.preValidationEpoch());
    for (const [, model] of this.models()) model.eval();
    this.means.reset();
    const numBatches = Math.min(valLoader.numBatches, services.runtime(trainingParameters.valBatches));
    for (let index = services.runtime(0); index < numBatches; index++) {
      services.namedPart("validationStep", () => {
        const batch = valLoader.fetch(0, index);
        this.means.add(services.withRandomStep(index, () => this.validationStep(batch, index)));
      });
    }
    for (const [, model] of this.models()) model.train();
    services.logEvent("validation", {
      step: this.globalStep,
      epoch: this.currentEpoch,
      metrics: this.means.means,
      tokens: 0,
      console: true,
    });
    callbacks.call((callback) => callback.postValidationEpoch(this.means.means));
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
