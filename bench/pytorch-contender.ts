// PyTorch as a contender: pytorch.py stays in memory, warmed up and compiled, and steps when it is told to.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Contender } from "./contender.js";
import { here, inRepository } from "./folders.js";
import { type Model, numParameters, type Precision } from "./models.js";

/**
 * What somebody who tunes PyTorch on a processor sets: memory that was freed stays with the process instead of being mapped
 * and zeroed again every step, and comes in huge pages. 5 to 15 % of a step were seen to depend on it.
 */
const tuned = {
  MALLOC_MMAP_MAX_: "0",
  MALLOC_TRIM_THRESHOLD_: "100000000000",
  MALLOC_TOP_PAD_: "268435456",
  GLIBC_TUNABLES: "glibc.malloc.hugetlb=1",
};

export interface PyTorchOptions {
  readonly python: string;
  readonly mode: "eager" | "compiled";
  readonly precision: Precision;
  readonly threads: number;
}

export async function startPyTorch(
  model: Model,
  options: PyTorchOptions,
): Promise<Contender & { readonly version: string }> {
  const { python, mode, precision, threads } = options;
  const sizes = ["vocabulary", "hidden", "layers", "heads", "positions", "sequence", "batch"] as const;
  const args = [
    join(here, "pytorch.py"),
    ...sizes.flatMap((size) => [`--${size}`, String(model[size])]),
    ...["--threads", String(threads), "--precision", precision, "--mode", mode],
  ];
  const worker = spawn(python, args, {
    env: { ...process.env, ...tuned, OMP_NUM_THREADS: String(threads) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: worker.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`PyTorch (${mode}, ${precision}) ended early`);
    return JSON.parse(value);
  };
  const ready = await answer();
  if (ready.parameters !== numParameters(model))
    throw new Error(`PyTorch's model has ${ready.parameters} parameters, not ${numParameters(model)}`);
  let peak = 0;
  const settings = Object.entries(tuned).map(([name, value]) => `${name}=${value}`);
  return {
    name: `PyTorch ${mode}${threads === 1 ? ", 1 thread" : ""}`,
    version: ready.torch,
    command: inRepository([...settings, `OMP_NUM_THREADS=${threads}`, python, ...args].join(" ")),
    async run(numSteps) {
      worker.stdin.write(`run ${numSteps}\n`);
      const { seconds, peakBytes } = await answer();
      peak = peakBytes;
      return seconds;
    },
    peakBytes: () => peak,
    firstStepSeconds: () => ready.startSeconds + ready.firstStepSeconds,
    end: () =>
      new Promise((resolve) => {
        worker.once("exit", () => resolve());
        worker.stdin.end("end\n");
      }),
  };
}
