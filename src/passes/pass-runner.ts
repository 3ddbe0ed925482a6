// The one place that names, times and verifies every pass and hands what it made to whoever looks on: dumps, reports,
// and tests that interpret a program before and after.
import type { Level, LogicalGraph } from "../ir/graph.js";
import type { Program } from "../ir/program.js";
import { type ProgramProblem, verifyProgram } from "../ir/verify-program.js";

/** What a pass makes: a program at some level. */
export interface Leveled {
  readonly level: string;
}

export interface PassReport {
  readonly name: string;
  readonly level: string;
  readonly program: Leveled;
  /** Without verification. */
  readonly milliseconds: number;
}

export interface PassOptions {
  /** Whether every pass is verified, as in tests and for dumps, or only the last one of each level, which saves time. */
  readonly verifies?: "every pass" | "every level";
  /** Called after each pass, in order, once its result is verified. */
  readonly onPass?: (report: PassReport) => void;
}

/** A pass left a program that its level's verifier refuses: a fault of dreamc, not of the user's program. */
export class BrokenProgram extends Error {
  override readonly name = "BrokenProgram";
  constructor(
    readonly pass: string,
    readonly problems: readonly ProgramProblem[],
  ) {
    const shown = problems.slice(0, 5).map(({ message }) => message);
    super(
      `the pass ${pass} left a broken program (a bug of dreamc, ${problems.length} problems):\n${shown.join("\n")}`,
    );
  }
}

export class PassRunner {
  constructor(private readonly options: PassOptions) {}

  /** Runs a pass inside a level. Throws `BrokenProgram`. */
  run<L extends Level>(name: string, pass: () => Program<L>): Program<L> {
    const isVerified = (this.options.verifies ?? "every pass") === "every pass";
    return this.finish(name, pass, isVerified ? verifyProgram : () => []);
  }

  /** Runs the last pass of a level, which is always verified. Throws `BrokenProgram`. */
  finish<P extends Leveled>(name: string, pass: () => P, problemsOf: (program: P) => readonly ProgramProblem[]): P {
    const start = performance.now();
    const program = pass();
    const milliseconds = performance.now() - start;
    const problems = problemsOf(program);
    if (problems.length > 0) throw new BrokenProgram(name, problems);
    this.options.onPass?.({ name, level: program.level, program, milliseconds });
    return program;
  }
}

/** A pass over graphs as a pass over programs. */
export const eachGraph = (
  program: Program<"logical">,
  pass: (graph: LogicalGraph) => LogicalGraph,
): Program<"logical"> => ({
  ...program,
  graphs: new Map([...program.graphs].map(([name, graph]) => [name, pass(graph)])),
});
