// The file that a command is given: that it is TypeScript, and what the program made of it is called.
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { nearestName } from "../diagnostics/nearest-name.js";
import { UsageError } from "./usage-error.js";

/** Names that say nothing: the program is called after the folder. */
const generalNames = ["trainer", "train", "main", "index"];

export interface TrainerFile {
  readonly path: string;
  /** Folder and file of the program: `gpt` for `examples/gpt/trainer.ts`. */
  readonly name: string;
}

/** Throws a UsageError where `given` is no TypeScript file, and what the system says where it may not be read. */
export function findTrainer(given: string): TrainerFile {
  const path = resolve(given);
  if (!existsSync(path)) throw new UsageError(`there is no file ${given}`, nearestFile(path));
  if (statSync(path).isDirectory()) {
    const inside = generalNames.map((name) => `${name}.ts`).find((name) => existsSync(join(path, name)));
    throw new UsageError(
      `${given} is a folder`,
      inside ? `did you mean ${join(given, inside)}?` : "name the trainer's file",
    );
  }
  if (!path.endsWith(".ts") || path.endsWith(".d.ts"))
    throw new UsageError(`${given} is no TypeScript file`, "a trainer's file ends in .ts");
  accessSync(path, constants.R_OK);
  const own = basename(path, ".ts");
  const folder = basename(dirname(path));
  return { path, name: generalNames.includes(own) && folder !== "" ? folder : own };
}

function nearestFile(path: string): string {
  const folder = dirname(path);
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".ts")) : [];
  const nearest = nearestName(basename(path), names);
  return nearest === null ? "name the file that launches the trainer" : `did you mean ${nearest} in the same folder?`;
}
