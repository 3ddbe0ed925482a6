// The user's source beside the code that came of it: `trainer.ts:12  this.globalStep++`, for comments.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Origin } from "../../src/ir/origin.js";

/** Longer lines are cut: a comment helps to find the place, the source says the rest. */
const longest = 100;

/** Reads each file once. A file that cannot be read any more leaves only its name and line. */
export class SourceLines {
  readonly #files = new Map<string, readonly string[]>();

  /** Null for code that no line of the source stands for. */
  describe(origin: Origin | null): string | null {
    if (!origin) return null;
    const { file, line } = origin.place;
    const text = this.#linesOf(file)[line - 1]?.trim();
    const where = `${basename(file)}:${line}`;
    if (text === undefined || text === "") return where;
    return `${where}  ${text.length > longest ? `${text.slice(0, longest - 1)}…` : text}`;
  }

  #linesOf(file: string): readonly string[] {
    const known = this.#files.get(file);
    if (known) return known;
    let lines: readonly string[];
    try {
      lines = readFileSync(file, "utf8").split("\n");
    } catch {
      lines = [];
    }
    this.#files.set(file, lines);
    return lines;
  }
}
