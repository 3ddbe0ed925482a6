// Starts a built program: alone, under mpirun, or under Slurm's srun inside an allocation; hands signals on and gives
// back its exit code.
import { spawn, spawnSync } from "node:child_process";
import { availableParallelism, constants } from "node:os";
import { MissingTool } from "../native/missing-tool.js";

export interface Machine {
  readonly numCores: number;
  readonly isRoot: boolean;
  /** Inside a Slurm allocation. */
  readonly inSlurm: boolean;
  /** What `mpirun --version` says; null where there is none. */
  readonly mpirunVersion: string | null;
}

export function thisMachine(): Machine {
  const { stdout, error } = spawnSync("mpirun", ["--version"], { encoding: "utf8" });
  return {
    numCores: availableParallelism(),
    isRoot: process.getuid?.() === 0,
    inSlurm: process.env.SLURM_JOB_ID !== undefined,
    mpirunVersion: error ? null : stdout,
  };
}

/** The command that starts `numRanks` processes of `program`. */
export function launchCommand(
  program: string,
  flags: readonly string[],
  numRanks: number,
  machine: Machine,
): readonly [string, ...string[]] {
  if (machine.inSlurm) return ["srun", "--ntasks", String(numRanks), "--mpi=pmix", program, ...flags];
  if (numRanks === 1) return [program, ...flags];
  if (machine.mpirunVersion === null) throw new MissingTool("mpirun", "dreamc doctor says what to install");
  // Other implementations know none of Open MPI's flags.
  const options = machine.mpirunVersion.includes("Open MPI") ? openMpiOptions(numRanks, machine) : [];
  return ["mpirun", ...options, "-np", String(numRanks), program, ...flags];
}

function openMpiOptions(numRanks: number, { isRoot, numCores }: Machine): readonly string[] {
  // Ranks that wait must leave their core to those that work.
  const sharing = numRanks > numCores ? ["--oversubscribe", "--mca", "mpi_yield_when_idle", "1"] : [];
  return [
    ...(isRoot ? ["--allow-run-as-root"] : []),
    ...sharing,
    // By default a rank is bound to one core, and its threads with it.
    ...["--bind-to", "none"],
    // Copies through the kernel are slower than two copies through shared memory for pieces of our size.
    ...["--mca", "btl_vader_single_copy_mechanism", "none"],
    // One-sided communication over InfiniBand complains where there is none.
    ...["--mca", "osc", "^ucx"],
  ];
}

/** Runs it with our own streams until it ends, and gives its exit code. */
export function launch([file, ...args]: readonly [string, ...string[]]): Promise<number> {
  // Behind mpirun a program cannot see that there is a terminal, nor how wide it is.
  const { isTTY, columns } = process.stdout;
  const env = isTTY ? { DREAM_PROGRESS: "bar", COLUMNS: String(columns), ...process.env } : process.env;
  return new Promise((resolve, reject) => {
    // In a group of its own: a terminal's Ctrl-C would reach mpirun too, which kills the ranks after a second.
    const child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit"], env, detached: true });
    let numSignals = 0;
    const handOn = (signal: NodeJS.Signals): void => {
      numSignals++;
      child.kill(isLauncher(file) && numSignals === 1 ? "SIGUSR1" : signal);
    };
    for (const signal of endingSignals) process.on(signal, handOn);
    const settle = (then: () => void): void => {
      for (const signal of endingSignals) process.off(signal, handOn);
      then();
    };
    child.once("error", (error) => settle(() => reject(error)));
    child.once("exit", (code, signal) => settle(() => resolve(code ?? 128 + constants.signals[signal!])));
  });
}

const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Launchers hand SIGUSR1 on to the ranks, which end after their step; of other signals they make an end at once. */
const isLauncher = (file: string): boolean => file === "mpirun" || file === "srun";
