// A GPT of odd sizes: a vocabulary that is prime, heads that no even number of ranks divides, a sequence that does not
// divide, targets that do not count, dropout, tied embeddings, and an accumulation of two microbatches.
import { type Batch, type DeviceMesh, distributedLaunch, F, pipelineParallel, type Tensor } from "dreamc";
import { LanguageModelTrainer, LMConfig } from "../../../examples/gpt/language-model.js";
import { GPTModel } from "../../../examples/gpt/model.js";

class DroppingGPT extends GPTModel {
  override forward(inputIds: Tensor): Tensor {
    return F.dropout(super.forward(inputIds), { p: 0.1, training: this.training });
  }
}

class OddTrainer extends LanguageModelTrainer {
  override configureModels() {
    super.configureModels();
    const { vocabSize, hiddenSize, numLayers, numHeads, sequenceLength } = this.config;
    this.model = new DroppingGPT({ vocabSize, hiddenSize, numLayers, numHeads, sequenceLength });
  }
  /** Two layers before the cut and one behind it. */
  override applyPipelineParallel(ppMesh: DeviceMesh) {
    const { tokenEmbedding, positionEmbedding, blocks, norm, head } = this.model;
    const [first, second, third] = [...blocks] as const;
    return pipelineParallel(
      [
        [tokenEmbedding, positionEmbedding, first!, second!],
        [third!, norm, head],
      ],
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

const config = LMConfig({
  ...{ vocabSize: 13, hiddenSize: 12, numHeads: 3, numLayers: 3, sequenceLength: 7, sampleLength: 0 },
  trainingParameters: { trainBatchSize: 8, gradientAccumulationSteps: 2, gradientClipVal: 0.5 },
});

distributedLaunch(() => new OddTrainer(config).fit());
