// What reading a program asked of the disk, and the answers. Whoever gets the same answers again reads the same program,
// so a build can tell that nothing has changed without reading TypeScript.
import { createHash } from "node:crypto";
import { readFileSync, realpathSync, statSync } from "node:fs";
import type { ts } from "./typescript.js";

const questions = {
  readFile: (path: string): string => {
    try {
      return createHash("sha256").update(readFileSync(path)).digest("base64url");
    } catch {
      return "none";
    }
  },
  fileExists: (path: string): string => String(statSync(path, { throwIfNoEntry: false })?.isFile() ?? false),
  directoryExists: (path: string): string => String(statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false),
  realpath: (path: string): string => {
    try {
      return realpathSync(path);
    } catch {
      return "none";
    }
  },
} as const;
type Question = keyof typeof questions;

/** Answers by path, for each kind of question. */
export type DiskAnswers = { readonly [Q in Question]: { [path: string]: string } };

export const noAnswers = (): DiskAnswers => ({ readFile: {}, fileExists: {}, directoryExists: {}, realpath: {} });

/** Whether the disk still gives every answer. */
export const answersHold = (answers: DiskAnswers): boolean =>
  (Object.keys(questions) as Question[]).every((question) =>
    Object.entries(answers[question]).every(([path, answer]) => questions[question](path) === answer),
  );

/** Writes what `host` asks from now on into `answers`. */
export function recordAnswers(host: ts.CompilerHost, answers: DiskAnswers): void {
  const note = (question: Question, path: string): void => {
    answers[question][path] ??= questions[question](path);
  };
  const { readFile, fileExists, directoryExists, realpath } = host;
  host.readFile = (path) => {
    note("readFile", path);
    return readFile(path);
  };
  host.fileExists = (path) => {
    note("fileExists", path);
    return fileExists(path);
  };
  if (directoryExists)
    host.directoryExists = (path) => {
      note("directoryExists", path);
      return directoryExists(path);
    };
  if (realpath)
    host.realpath = (path) => {
      note("realpath", path);
      return realpath(path);
    };
}
