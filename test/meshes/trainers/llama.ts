// A Llama of odd sizes: one key head for three query heads, a vocabulary that is prime, a head of its own, targets that
// do not count, and no accumulation.
import { type Batch, type DeviceMesh, distributedLaunch, F, pipelineParallel } from "dreamc";
import { LlamaConfig, LlamaTrainer } from "../../../examples/llama/language-model.js";

class OddTrainer extends LlamaTrainer {
  override applyPipelineParallel(ppMesh: DeviceMesh) {
    const { tokenEmbedding, blocks, norm, head } = this.model;
    const [first, second] = [...blocks] as const;
    const { pipelineParallel: degree, pipelineStagesPerRank } = this.config.deviceParameters;
    return pipelineParallel(
      degree * pipelineStagesPerRank === 2
        ? [
            [tokenEmbedding, first!],
            [second!, norm, head],
          ]
        : [tokenEmbedding, first!, second!, [norm, head]],
      ppMesh,
    );
  }
  override trainingStep(batch: Batch) {
    const inputIds = batch.inputIds!;
    const loss = this.lossParallel(() => {
      const logits = this.model.forward(inputIds).slice(1, 0, -1);
      return F.crossEntropy(logits.flatten(0, 1), inputIds.slice(1, 1).flatten(), { ignoreIndex: 3 });
    });
    this.backward(loss);
    if (this.isAccumulatingGradients) return { loss };
    const gradNorm = this.step(this.model, this.optimizer);
    return { loss, gradNorm, learningRate: this.optimizer.paramGroups[0]!.lr };
  }
}

const config = LlamaConfig({
  ...{ vocabSize: 11, hiddenSize: 12, numHeads: 3, numKeyValueHeads: 1, intermediateSize: 10, numLayers: 2 },
  ...{ sequenceLength: 9, tieEmbeddings: false },
  trainingParameters: { trainBatchSize: 8, gradientAccumulationSteps: 1, gradientClipVal: 0.5 },
});

distributedLaunch(() => new OddTrainer(config).fit());
