// Where in the user's TypeScript something came from: a place and the calls that led there.

export interface SourcePlace {
  readonly file: string;
  /** Offsets in the file's text, as the TypeScript compiler counts them. */
  readonly start: number;
  readonly end: number;
  /** From 1, for people. */
  readonly line: number;
  readonly column: number;
}

/** The innermost place first; `caller` is the call that led into `inside`. */
export interface Origin {
  readonly place: SourcePlace;
  /** The function or method that the place is in, e.g. `Block.forward`; empty at the top of a module. */
  readonly inside: string;
  readonly caller: Origin | null;
}
