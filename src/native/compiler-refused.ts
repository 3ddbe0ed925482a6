// A compiler refused what dreamc emitted: a fault of dreamc, since every fault of a user's program is found before.

export class CompilerRefused extends Error {
  override readonly name = "CompilerRefused";
  constructor(
    readonly file: string,
    /** What it said. */
    readonly output: string,
    /** Where the emitted files were kept. */
    readonly kept: string,
  ) {
    super(`the compiler refuses ${file} (kept in ${kept}):\n${output.trim()}`);
  }
}
