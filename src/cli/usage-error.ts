// Wrong usage, bad input files and unwritable places: what is wrong, and what to do. Exit codes are in report.ts.

/** The command was given something it cannot work with. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  constructor(
    message: string,
    readonly help: string | null = null,
  ) {
    super(message);
  }
}
