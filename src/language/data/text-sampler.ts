// Writes text from a language model, one token after the other, each drawn from the model's distribution (by the Gumbel
// maximum: the largest of logit + noise is a sample of the softmax; Gumbel 1954).
import { namedPart, printCharacter, registerState, runtime, withRandomStep } from "../services.js";
import { Buffer, cat, noGrad, rand, type Tensor } from "../tensor.js";

/**
 * Continues text by a model of `[1, T]` tokens to `[1, T, V]` logits: `contextLength` is T, `temperature` divides the
 * logits, `start` is the token that fills the context at first.
 */
export class TextSampler {
  private readonly context: Buffer;
  private readonly temperature: number;
  private readonly start: number;
  constructor(
    private readonly model: (inputIds: Tensor) => Tensor,
    { contextLength, temperature = 0.8, start = 10 }: { contextLength: number; temperature?: number; start?: number },
  ) {
    this.context = new Buffer([1, contextLength], { dtype: "i32" });
    registerState("sampler.context", this.context);
    this.temperature = temperature;
    this.start = start;
  }

  /** Prints `length` tokens of a byte vocabulary as text. */
  print(length: number): void {
    namedPart("sample", () => noGrad(() => this.write(length)));
  }
  private write(length: number): void {
    const [, size] = this.context.shape as [number, number];
    this.context.fill_(this.start);
    for (let index = runtime(0); index < runtime(length); index++) {
      const next = withRandomStep(index, () => {
        const logits = this.model(this.context).select(1, -1); // [1, V]
        const noise = rand(logits.shape).maximum(1e-20).log().neg().maximum(1e-20).log().neg();
        return logits
          .mul(1 / this.temperature)
          .add(noise)
          .argmax({ dim: -1, keepdim: true }); // [1, 1]
      });
      this.context.copy_(size === 1 ? next : cat([this.context.slice(1, 1), next], { dim: 1 }));
      printCharacter(next.item());
    }
    printCharacter(10);
  }
}
