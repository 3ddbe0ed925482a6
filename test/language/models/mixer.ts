// An MLP-Mixer (Tolstikhin et al. 2021) on `BaseTrainer` with mixins, a config of its own, and SGD.
import {
  BaseTrainer,
  type Batch,
  Callback,
  CallbackCollection,
  type ConfigOf,
  compose,
  DataLoader,
  DreamTrainerConfig,
  defineConfig,
  distributedLaunch,
  F,
  GeneratedDataset,
  nn,
  partial,
  randn,
  SetupMixin,
  SGD,
  StepLR,
  type StepResult,
  type Tensor,
  z,
} from "dreamc";

const VisionConfig = defineConfig(
  DreamTrainerConfig,
  { numPatches: z.int().positive().default(4), channels: z.int().positive().default(6) },
  {
    validate({ channels }) {
      if (channels % 2 !== 0) throw new Error("channels must be even");
    },
  },
);
const MixerConfig = defineConfig(VisionConfig, {
  depth: z.int().positive().default(3),
  activation: z.enum(["gelu", "silu"]).default("gelu"),
  learningRate: z.number().positive().default(0.05),
});
type MixerConfig = ConfigOf<typeof MixerConfig>;

interface MlpOptions {
  readonly width: number;
  readonly expansion: number;
  readonly activation: "gelu" | "silu";
}
class Mlp extends nn.Module {
  readonly inner: nn.Linear;
  readonly outer: nn.Linear;
  private readonly activate: (x: Tensor) => Tensor;
  constructor({ width, expansion, activation }: MlpOptions) {
    super();
    this.inner = new nn.Linear(width, width * expansion);
    this.outer = new nn.Linear(width * expansion, width);
    const activations = { gelu: F.gelu, silu: F.silu };
    this.activate = activations[activation];
  }
  forward(x: Tensor): Tensor {
    return this.outer.forward(this.activate(this.inner.forward(x)));
  }
}
const makeMlp = partial(Mlp, { expansion: 2 });

class MixerBlock extends nn.Module {
  readonly norm1: nn.LayerNorm;
  readonly tokens: Mlp;
  readonly norm2: nn.LayerNorm;
  readonly channels: Mlp;
  constructor({ numPatches, channels, activation }: MixerConfig) {
    super();
    [this.norm1, this.norm2] = [new nn.LayerNorm(channels), new nn.LayerNorm(channels)];
    this.tokens = makeMlp({ width: numPatches, activation });
    this.channels = makeMlp({ width: channels, activation });
  }
  forward(x: Tensor): Tensor {
    const mixed = x.add(this.tokens.forward(this.norm1.forward(x).transpose(1, 2)).transpose(1, 2));
    return mixed.add(this.channels.forward(this.norm2.forward(mixed)));
  }
}

function* blocksOf(config: MixerConfig): Generator<MixerBlock> {
  for (let i = 0; i < config.depth; i++) yield new MixerBlock(config);
}

class Mixer extends nn.Module {
  readonly blocks: nn.ModuleList<MixerBlock>;
  readonly head: nn.Linear;
  constructor(config: MixerConfig) {
    super();
    this.blocks = new nn.ModuleList(blocksOf(config));
    this.head = new nn.Linear(config.channels, 1);
  }
  forward(x: Tensor): Tensor {
    const mixed = this.blocks.items.reduce((y: Tensor, block) => block.forward(y), x);
    return this.head.forward(mixed.mean({ dim: 1 })).squeeze(-1);
  }
}

/** A mixin of the user's own: counts what it sees. */
// biome-ignore lint/suspicious/noExplicitAny: TypeScript asks mixins for constructors of any arguments
function CountingMixin<B extends abstract new (...args: any[]) => BaseTrainer>(Base: B) {
  abstract class Counting extends Base {
    seen = 0;
    protected count(batch: Tensor): void {
      this.seen += batch.size(0);
    }
  }
  return Counting;
}

/** The best loss so far, and how long ago it was. */
class Patience extends Callback {
  best = Infinity;
  since = 0;
  override postTrainStep(result: StepResult) {
    const loss = (result.loss as Tensor).item();
    if (loss < this.best) {
      this.best = loss;
      this.since = 0;
    } else this.since++;
  }
}

class MixerTrainer extends compose(BaseTrainer, SetupMixin, CountingMixin) {
  declare readonly config: MixerConfig;
  model!: Mixer;
  optimizer!: SGD;
  scheduler!: StepLR;

  override configureModels() {
    this.model = new Mixer(this.config);
  }
  override configureOptimizers() {
    this.optimizer = new SGD(this.model.parameters(), { lr: this.config.learningRate, momentum: 0.9, nesterov: true });
  }
  override configureSchedulers() {
    this.scheduler = new StepLR(this.optimizer, { stepSize: 10, gamma: 0.5, interval: "step" });
  }
  override configureDataloaders() {
    const { numPatches, channels, trainingParameters } = this.config;
    const data = new GeneratedDataset(200, (size) => {
      const x = randn([size, numPatches, channels]);
      return { x, y: x.select(1, 0).sum({ dim: -1 }).tanh() };
    });
    return new DataLoader(data, { batchSize: trainingParameters.trainBatchSize });
  }
  override trainingStep({ x, y }: Batch) {
    this.count(x!);
    const loss = F.mseLoss(this.model.forward(x!), y!);
    this.backward(loss);
    this.step(this.model, this.optimizer);
    return { loss, learningRate: this.optimizer.paramGroups[0]!.lr };
  }
}

const config = MixerConfig({
  trainingParameters: { nEpochs: 2, trainBatchSize: 10 },
  callbacks: new CallbackCollection([new Patience()]),
});
distributedLaunch(() => new MixerTrainer(config).fit());
