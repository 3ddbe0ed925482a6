// What optimizers share: groups of parameters with their settings, the step counter, zeroGrad.
import { optimizerState, runtime, zeroGradients } from "../services.js";
import { type Buffer, noGrad, type Parameter } from "../tensor.js";

/** Settings of one group; what a group leaves out is taken from the optimizer's options. */
export type GroupOptions<Options> = Partial<Options> & { readonly params: readonly Parameter[] };
/** A group as an optimizer keeps it. `lr` may be set while training; `initialLr` is what it was at first. */
export type ParamGroup<Options> = Options & {
  readonly params: readonly Parameter[];
  lr: number;
  readonly initialLr: number;
};

/** `params` is a list of parameters or of groups. `Settings`: what one step knows of a group, the group itself unless told. */
export abstract class Optimizer<
  Options extends { readonly lr: number } = { readonly lr: number },
  Settings = ParamGroup<Options>,
> {
  readonly paramGroups: ParamGroup<Options>[];
  /** Steps taken. */
  stepCount = runtime(0);

  constructor(params: readonly Parameter[] | readonly GroupOptions<Options>[], defaults: Options) {
    const groups: readonly GroupOptions<Options>[] = params.every(isGroup)
      ? params
      : [{ params: params as readonly Parameter[] } as GroupOptions<Options>];
    this.paramGroups = groups.map((group) => {
      const settings: Options & { readonly params: readonly Parameter[] } = { ...defaults, ...group };
      return { ...settings, lr: runtime(settings.lr), initialLr: settings.lr };
    });
    if (this.parameters().length === 0) throw new Error("this optimizer owns no parameters");
  }

  parameters(): Parameter[] {
    return this.paramGroups.flatMap(({ params }) => [...params]);
  }
  /** State of one parameter, zeros of its shape at first. */
  protected state(name: string, parameter: Parameter): Buffer {
    return optimizerState(this, name, parameter);
  }
  /** Gradients are zero from here on. */
  zeroGrad(): void {
    zeroGradients(this.parameters());
  }
  /** Changes every parameter that has a gradient. */
  step(): void {
    this.stepCount += 1;
    noGrad(() => {
      for (const group of this.paramGroups) {
        const settings = this.settingsOf(group);
        for (const parameter of group.params) {
          const { grad } = parameter;
          if (grad !== null) this.update(parameter, grad, settings);
        }
      }
    });
  }
  /** What is the same for all parameters of a group in this step. */
  protected settingsOf(group: ParamGroup<Options>): Settings {
    return group as unknown as Settings;
  }
  protected abstract update(parameter: Parameter, gradient: NonNullable<Parameter["grad"]>, settings: Settings): void;
}

// biome-ignore lint/suspicious/noExplicitAny: an optimizer of any options
export type AnyOptimizer = Optimizer<any, any>;

const isGroup = <Options>(entry: Parameter | GroupOptions<Options>): entry is GroupOptions<Options> =>
  "params" in entry;
