// One call of `dreamc`: where it writes, and the exit code it ends with.

export interface Invocation {
  /** What was asked for: graphs, summaries. */
  out(text: string): void;
  /** Everything else: diagnostics, progress. */
  error(text: string): void;
  /** The terminal behind `error` shows colours. */
  readonly inColour: boolean;
  /** A person watches `error`: progress may overwrite its line. */
  readonly isWatched: boolean;
  exitCode: number;
  /** The signal that ended the work: the process should end by it too. */
  endedBy: NodeJS.Signals | null;
}

/** The process's own streams. A reader that closes the pipe, such as `head`, has seen enough: dreamc ends quietly. */
export function processInvocation(): Invocation {
  const endQuietly = (error: NodeJS.ErrnoException): void => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  };
  process.stdout.on("error", endQuietly);
  process.stderr.on("error", endQuietly);
  return {
    out: (text) => void process.stdout.write(text),
    error: (text) => void process.stderr.write(text),
    inColour: process.stderr.isTTY === true && process.stderr.hasColors(),
    isWatched: process.stderr.isTTY === true,
    exitCode: 0,
    endedBy: null,
  };
}
