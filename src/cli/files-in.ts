// All files below a folder.
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";

/** Paths within `folder`, in one order everywhere. */
export const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
