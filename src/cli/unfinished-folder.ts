// Folders that appear whole or not at all: they are filled under another name beside their place. What a killed dreamc
// leaves of that is removed by the next one.
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "./usage-error.js";

/** A signal asked dreamc to end, and everything unfinished is gone. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  constructor(readonly signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
  }
}

const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Makes a new folder beside `target`, lets `fill` work in it and, when that is done, `publish` move it to its place.
 * Removes it whatever happens. A signal aborts `fill`, and `Interrupted` is thrown.
 */
export async function withUnfinishedFolder<T>(
  target: string,
  fill: (folder: string, signal: AbortSignal) => Promise<T>,
  publish: (folder: string) => void,
): Promise<T> {
  const place = resolve(target);
  const folder = `${place}.unfinished-${hostname()}-${process.pid}`;
  const controller = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason));
  });
  const onSignal = (signal: NodeJS.Signals): void => controller.abort(new Interrupted(signal));
  // Before the folder is there: a signal never finds it unwatched.
  for (const signal of endingSignals) process.on(signal, onSignal);
  const unwatch = (): void => {
    for (const signal of endingSignals) process.off(signal, onSignal);
  };
  try {
    makeFolder(folder, place, target);
  } catch (error) {
    unwatch();
    throw error;
  }
  try {
    const result = await Promise.race([fill(folder, controller.signal), aborted]);
    publish(folder);
    return result;
  } finally {
    removeWhole(folder);
    unwatch();
  }
}

function makeFolder(folder: string, place: string, target: string): void {
  try {
    makeParents(folder);
    removeLeftovers(place);
    mkdirSync(folder);
  } catch (error) {
    throw new UsageError(`cannot write to ${target}: ${(error as Error).message}`);
  }
}

/** What `fill` had under way when it was left may still put a file into the folder while it is emptied: then once more. */
function removeWhole(folder: string): void {
  const mostTries = 20;
  for (let tries = 1; ; tries++) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if (tries === mostTries) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

/** Node's own recursive mkdir never ends where the system refuses new folders as missing, as in /proc. */
function makeParents(path: string): void {
  const parent = dirname(path);
  if (existsSync(parent)) return;
  makeParents(parent);
  mkdirSync(parent);
}

/** Of processes of this machine that are gone. */
function removeLeftovers(place: string): void {
  const prefix = `${basename(place)}.unfinished-${hostname()}-`;
  for (const name of readdirSync(dirname(place))) {
    if (!name.startsWith(prefix)) continue;
    const id = Number(name.slice(prefix.length));
    if (Number.isInteger(id) && !isAlive(id)) rmSync(join(dirname(place), name), { recursive: true, force: true });
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
