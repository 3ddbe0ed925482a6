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
  ];
}

/** Runs it with our own streams until it ends, and gives its exit code. */
export function launch([file, ...args]: readonly [string, ...string[]]): Promise<number> {
  return new Promise((resolve, reject) => {
    // Behind mpirun a program cannot see that there is a terminal, nor how wide it is.
    const { isTTY, columns } = process.stdout;
    const env = isTTY ? { DREAM_PROGRESS: "bar", COLUMNS: String(columns), ...process.env } : process.env;
    const child = spawn(file, args, { stdio: "inherit", env });
    // A terminal's Ctrl-C reaches the program by itself; a second one from us would count as "end at once".
    const signals = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => {
      const handOn = (): void => {
        if (signal === "SIGTERM" || !process.stdin.isTTY) child.kill(signal);
      };
      process.on(signal, handOn);
      return () => process.off(signal, handOn);
    });
    const settle = (then: () => void): void => {
      for (const stopHandingOn of signals) stopHandingOn();
      then();
    };
    child.once("error", (error) => settle(() => reject(error)));
    child.once("exit", (code, signal) => settle(() => resolve(code ?? 128 + constants.signals[signal!])));
  });
}
