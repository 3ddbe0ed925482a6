// A fault in the user's program: what is wrong, where, who called, and the way out. Thrown where it is found, printed once.
import type { Origin } from "../ir/origin.js";
import type { Said } from "./messages/say.js";
import { type MessageArguments, type MessageId, messages } from "./messages.js";

export interface Diagnostic {
  /** Says the fault, e.g. `matmul-sizes-disagree`; `TS2345` for TypeScript's own. Stable. */
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

/** The message of an id at a place. */
export function diagnostic<I extends MessageId>(
  origin: Origin | null,
  id: I,
  ...args: MessageArguments<I>
): Diagnostic {
  const said = (messages[id] as (...all: MessageArguments<I>) => Said)(...args);
  return { id, ...said, origin };
}

export const diagnosed = <I extends MessageId>(origin: Origin | null, id: I, ...args: MessageArguments<I>): Diagnosed =>
  new Diagnosed([diagnostic(origin, id, ...args)]);
