// For which GPUs kernels are compiled: what `--arch` asks for, or the GPUs of this machine, or the two that most have.
import { execa } from "execa";
import { architectureOf, type Driver } from "./gpus.js";

const usual = ["sm_80", "sm_90"] as const;

/** nvcc does not know an architecture that was asked for, or it is none. */
export class UnknownArchitecture extends Error {
  override readonly name = "UnknownArchitecture";
  constructor(
    readonly asked: string,
    readonly known: readonly string[],
  ) {
    super(`nvcc does not know the architecture "${asked}"`);
  }
}

/** `asked`: such as `sm_90,sm_80`; null: nothing was asked for. In order, each once. Throws `UnknownArchitecture`. */
export async function chooseArchitectures(
  asked: string | null,
  driver: Driver | null,
  nvcc: string,
): Promise<readonly string[]> {
  const known = await knownTo(nvcc);
  const here = (driver?.gpus ?? []).map(architectureOf);
  const wanted = asked?.split(",").map((name) => name.trim()) ?? (here.length > 0 ? here : usual);
  for (const name of wanted) {
    // A letter behind the number asks for features of that very GPU.
    if (!known.includes(name) && !known.includes(name.replace(/[af]$/, ""))) throw new UnknownArchitecture(name, known);
  }
  return [...new Set(wanted)].toSorted((a, b) => numberOf(a) - numberOf(b));
}

const numberOf = (architecture: string): number => Number.parseInt(architecture.slice("sm_".length), 10);

async function knownTo(nvcc: string): Promise<readonly string[]> {
  const { stdout } = await execa(nvcc, ["--list-gpu-code"], { stdin: "ignore" });
  return stdout.trim().split("\n");
}
