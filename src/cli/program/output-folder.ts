// The folder that a program is built into. Only what dreamc made is replaced: logs and checkpoints beside it stay.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../usage-error.js";
import { recordName } from "./build-record.js";

const manifestName = "manifest.json";

/** Throws a UsageError where `folder` is a file, or holds what dreamc did not make. */
export function refuseForeignOutput(folder: string, asGiven: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory()) throw new UsageError(`${asGiven} is a file`, "name a folder with -o");
  const names = readdirSync(folder);
  if (names.length > 0 && !names.includes(recordName))
    throw new UsageError(`${asGiven} holds other things`, "name a new folder with -o");
}

/** Moves everything in `unfinished` to `folder`. The manifest goes first and comes last: without it there is no program. */
export function publish(unfinished: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const former = join(folder, manifestName);
  if (existsSync(former)) {
    const { program } = JSON.parse(readFileSync(former, "utf8")) as { readonly program: string };
    rmSync(former);
    rmSync(join(folder, program), { force: true });
  }
  rmSync(join(folder, "ir"), { recursive: true, force: true });
  const names = readdirSync(unfinished).filter((name) => name !== manifestName);
  for (const name of [...names, manifestName]) {
    rmSync(join(folder, name), { recursive: true, force: true });
    renameSync(join(unfinished, name), join(folder, name));
  }
}
