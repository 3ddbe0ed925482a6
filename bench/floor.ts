// The least time that a step can take on this machine: its matrix products at oneDNN's speed, and its memory traffic at the
// speed of a plain loop over large arrays, measured by floor.cpp.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { findToolchain } from "../src/native/find-toolchain.js";
import { here, inRepository, output } from "./folders.js";
import { type Model, type Precision, productsOf, streamedBytes } from "./models.js";

export interface Floor {
  readonly command: string;
  readonly oneDNN: string;
  readonly bytesPerSecond: number;
  /** FLOP of all products over their time. */
  readonly flopsPerSecond: number;
  readonly productSeconds: number;
  readonly streamSeconds: number;
  /** Products, then memory: nothing overlaps. */
  readonly seconds: number;
}

const program = join(output, "floor");

/** With the compiler and the oneDNN that dreamc's programs are built with. */
export async function buildFloor(): Promise<void> {
  const { runtime, linkFlags } = await findToolchain({ name: "cpu" });
  const { command, flags } = runtime.find(({ folder }) => folder === "cpu")!.compiler;
  execFileSync(command, [...flags, join(here, "floor.cpp"), "-o", program, ...linkFlags], { stdio: "inherit" });
}

export function measureFloor(model: Model, precision: Precision, threads: number): Floor {
  const products = productsOf(model);
  const args = [precision, String(threads), "5"];
  const input = products.map(({ batch, m, k, n, storage }) => `${batch} ${m} ${k} ${n} ${storage}\n`).join("");
  const [first, ...lines] = execFileSync(program, args, { input, encoding: "utf8" })
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  let productSeconds = 0;
  let flops = 0;
  products.forEach(({ batch, m, k, n, count }, i) => {
    productSeconds += count * Math.min(lines[i].plainSeconds, lines[i].packedSeconds);
    flops += count * 2 * batch * m * k * n;
  });
  const streamSeconds = streamedBytes(model, precision) / first.bytesPerSecond;
  return {
    command: inRepository(`${program} ${args.join(" ")}`),
    oneDNN: first.oneDNN,
    bytesPerSecond: first.bytesPerSecond,
    flopsPerSecond: flops / productSeconds,
    productSeconds,
    streamSeconds,
    seconds: productSeconds + streamSeconds,
  };
}
