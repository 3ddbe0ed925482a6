// Kernels that need more registers than there are: no program is built with them.
import { demangled, type KernelReport } from "./kernel-report.js";

/** A fault of dreamc's own. */
export class KernelSpills extends Error {
  override readonly name = "KernelSpills";
}

/** Throws `KernelSpills`. */
export function refuseSpills(kernels: readonly KernelReport[]): void {
  const spilling = kernels.filter(({ spillBytes }) => spillBytes > 0);
  if (spilling.length === 0) return;
  const lines = spilling.map(
    ({ symbol, architecture, spillBytes, registers }) =>
      `  ${demangled([symbol])[0]} for ${architecture}: ${spillBytes} bytes, with ${registers} registers`,
  );
  throw new KernelSpills(`kernels spill registers to memory:\n${lines.join("\n")}`);
}
