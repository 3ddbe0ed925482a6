// The GPUs of this machine and their driver, as nvidia-smi says.
import { execa } from "execa";

export interface Gpu {
  readonly name: string;
  /** `9.0`. */
  readonly computeCapability: string;
  readonly memoryMiB: number;
}
export interface Driver {
  readonly version: string;
  /** The newest CUDA that it runs: `13.0`; null: it does not say. */
  readonly cuda: string | null;
  readonly gpus: readonly Gpu[];
}

/** Null where there is no driver, or it finds no GPU. */
export async function findDriver(): Promise<Driver | null> {
  const fields = "driver_version,compute_cap,memory.total,name";
  const smi = (args: readonly string[]) => execa("nvidia-smi", args, { reject: false, stdin: "ignore" });
  const [query, overview] = await Promise.all([
    smi([`--query-gpu=${fields}`, "--format=csv,noheader,nounits"]),
    smi([]),
  ]);
  if (query.failed) return null;
  const rows = query.stdout
    .trim()
    .split("\n")
    .map((line) => line.split(", "));
  const gpus = rows.map(([, computeCapability = "", memory, ...name]) => ({
    name: name.join(", "),
    computeCapability,
    memoryMiB: Number(memory),
  }));
  const cuda = /CUDA Version:\s*(\d+\.\d+)/.exec(String(overview.stdout))?.[1] ?? null;
  return { version: rows[0]![0]!, cuda, gpus };
}

/** `sm_90`. */
export const architectureOf = ({ computeCapability }: Gpu): string => `sm_${computeCapability.replace(".", "")}`;
