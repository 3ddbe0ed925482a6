// What is compiled once and used again: the runtime's archive, object files. A hit is touched, so that the oldest can go.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** `$XDG_CACHE_HOME/dreamc`, or `~/.cache/dreamc`. */
export function cacheFolder(): string {
  const home = process.env.XDG_CACHE_HOME;
  return join(home !== undefined && home !== "" ? home : join(homedir(), ".cache"), "dreamc");
}

/** The path of an entry; made by `make` in a folder of its own, and moved to its place whole, where it is not there. */
export async function cached(
  kind: string,
  key: string,
  most: number,
  make: (path: string) => Promise<void>,
): Promise<string> {
  const folder = join(cacheFolder(), kind);
  const place = join(folder, key);
  if (existsSync(place)) {
    const now = new Date();
    utimesSync(place, now, now);
    return place;
  }
  mkdirSync(folder, { recursive: true });
  const workshop = mkdtempSync(join(folder, "making-"));
  try {
    const made = join(workshop, "entry");
    await make(made);
    publish(made, place);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
  removeOldest(folder, most);
  return place;
}

/** Somebody else may have made the same entry meanwhile: theirs is as good. */
function publish(made: string, place: string): void {
  try {
    renameSync(made, place);
  } catch (error) {
    if (!existsSync(place)) throw error;
  }
}

const oneDay = 24 * 3600 * 1000;

/** Entries beyond the newest `most` go, and what a killed dreamc left half-made yesterday. */
function removeOldest(folder: string, most: number): void {
  const entries = readdirSync(folder).flatMap((name) => {
    const time = statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs;
    return time === undefined ? [] : [{ name, time }];
  });
  const isUnfinished = ({ name }: { readonly name: string }): boolean => name.startsWith("making-");
  const finished = entries.filter((entry) => !isUnfinished(entry)).toSorted((a, b) => b.time - a.time);
  const abandoned = entries.filter((entry) => isUnfinished(entry) && Date.now() - entry.time > oneDay);
  for (const { name } of [...finished.slice(most), ...abandoned])
    rmSync(join(folder, name), { recursive: true, force: true });
}
