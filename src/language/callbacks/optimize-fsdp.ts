// FSDP's gathers in the known order of their uses.
import { prefetchUnits } from "../services.js";
import { Callback } from "./callback.js";

/** Begins gathers of parameters `prefetch` units ahead of their use: more hides more of them and holds more memory. */
export class OptimizeFSDP extends Callback {
  readonly prefetch: number;
  constructor({ prefetch = 1 }: { prefetch?: number } = {}) {
    super();
    this.prefetch = prefetch;
  }
  override preSetup(): void {
    prefetchUnits(this.prefetch);
  }
}
