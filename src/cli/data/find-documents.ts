// The text files that `dreamc data prepare` is given: files, folders (everything in them) and patterns with * and **.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { UsageError } from "../usage-error.js";

export interface FoundFile {
  readonly path: string;
  readonly numBytes: number;
  /** Named itself, so that it is an error if it is no text; else such a file is passed over. */
  readonly named: boolean;
}

/** Every file once, by path. Throws a UsageError where an argument matches nothing. */
export function findDocuments(args: readonly string[]): readonly FoundFile[] {
  const found = new Map<string, FoundFile>();
  const add = (path: string, named: boolean): void => {
    if (!found.has(path) || named) found.set(path, { path, numBytes: statSync(path).size, named });
  };
  for (const arg of args) {
    if (existsSync(arg)) {
      const path = resolve(arg);
      if (statSync(path).isDirectory()) for (const file of filesIn(path)) add(file, false);
      else add(path, true);
      continue;
    }
    if (!/[*?]/.test(arg)) throw new UsageError(`there is no file or folder ${arg}`);
    const matches = matchPattern(arg);
    if (matches.length === 0) throw new UsageError(`no file matches ${arg}`);
    for (const file of matches) add(file, false);
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() || (entry.isSymbolicLink() && isFile(join(entry.parentPath, entry.name))))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Links to files are followed, links to folders and broken ones are not. */
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

function matchPattern(pattern: string): readonly string[] {
  const parts = resolve(pattern).split(sep);
  const firstWild = parts.findIndex((part) => /[*?]/.test(part));
  const base = parts.slice(0, firstWild).join(sep) || sep;
  if (!existsSync(base)) return [];
  const matcher = new RegExp(`^${parts.map(partExpression).join("").slice(1)}$`);
  return filesIn(base).filter((file) => matcher.test(file));
}

/** `**` stands for any folders or none; `*` and `?` stay within one name. */
function partExpression(part: string): string {
  if (part === "**") return "(?:/[^/]+)*";
  const escaped = part.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return `/${escaped.replace(/\*/g, "[^/]*").replace(/\?/g, "[^/]")}`;
}
