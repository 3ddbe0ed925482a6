// A fault in the user's program: what is wrong, where, who called, and the way out. Thrown where it is found, printed once.
import type { Origin } from "../ir/origin.js";

export interface Diagnostic {
  /** Says the fault, e.g. `shapes-disagree`. Stable. */
  readonly id: string;
  readonly message: string;
  /** What to do about it. */
  readonly help: string | null;
  readonly origin: Origin | null;
}

export class Diagnosed extends Error {
  override readonly name = "Diagnosed";
  constructor(readonly diagnostics: readonly [Diagnostic, ...Diagnostic[]]) {
    super(diagnostics.map(({ id, message }) => `${id}: ${message}`).join("\n"));
  }
}

export const diagnosed = (id: string, message: string, origin: Origin | null, help: string | null = null): Diagnosed =>
  new Diagnosed([{ id, message, help, origin }]);
