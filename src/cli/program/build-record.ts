// Beside a built program: what it was made from. Where all of that is still the same, nothing needs to be built.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answersHold, type DiskAnswers } from "../../phases/1-evaluate/disk.js";
import { filesIn } from "../files-in.js";

export const recordName = ".built-from.json";

export interface BuildRecord {
  /** dreamc, compiler, flags. */
  readonly key: string;
  /** The TypeScript that was read, and where it was looked for. */
  readonly disk: DiskAnswers;
  /** Hashes of what was written, by path in the folder. */
  readonly outputs: { readonly [path: string]: string };
}

/** The record of everything that lies in `folder` now. */
export const recordOf = (folder: string, key: string, disk: DiskAnswers): BuildRecord => ({
  key,
  disk,
  outputs: Object.fromEntries(filesIn(folder).map((path) => [path, hashOf(join(folder, path))])),
});

export const writeRecord = (folder: string, record: BuildRecord): void =>
  writeFileSync(join(folder, recordName), JSON.stringify(record));

/** Whether what lies in `folder` is what a build with this key would make now. */
export function isUpToDate(folder: string, key: string): boolean {
  const path = join(folder, recordName);
  if (!existsSync(path)) return false;
  let record: BuildRecord;
  try {
    record = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return false; // Half-written or damaged: build again.
  }
  return (
    record.key === key &&
    Object.entries(record.outputs).every(([file, hash]) => hashOf(join(folder, file)) === hash) &&
    answersHold(record.disk)
  );
}

function hashOf(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return "none";
  return createHash("sha256").update(readFileSync(path)).digest("base64url");
}
