// dreamc as a process: closed pipes, signals, start-up.
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { compiledDreamc } from "../compiled.js";
import { temporaryFolder } from "./temporary-folder.js";

const folder = temporaryFolder();
const main = compiledDreamc();
const dreamc = (...args: readonly string[]): { readonly command: string; readonly args: readonly string[] } => ({
  command: process.execPath,
  args: [main, ...args],
});

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2000; tries++) {
    if (holds()) return;
    await setTimeout(5);
  }
  throw new Error("it did not happen in ten seconds");
}

test("dreamc --version loads neither TypeScript's compiler nor zod", async () => {
  // Every module that Node compiles is in its log of code.
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--log-code",
    "--no-logfile-per-isolate",
    `--logfile=${join(folder, "code.log")}`,
    main,
    "--version",
  ]);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const log = readFileSync(join(folder, "code.log"), "utf8");
  expect(log).toContain("command-line.js");
  expect(log).not.toContain("ts-morph");
  expect(log).not.toContain("/zod/");
});

test("a reader that has seen enough is no error", async () => {
  const { command, args } = dreamc("ir", "examples/gpt/trainer.ts", "--after", "evaluate");
  const script = `"$@" | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await promisify(execFile)("bash", ["-c", script, "bash", command, ...args]);
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual([expect.stringContaining("logical program"), "0"]);
});

describe("data prepare", () => {
  const words = join(folder, "words.txt");
  writeFileSync(words, "some words of text, again and again\n".repeat(2_000_000));
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    test(`${signal} leaves nothing half-written`, async () => {
      const place = join(folder, signal);
      mkdirSync(place);
      const { command, args } = dreamc("data", "prepare", words, "-t", "gpt2", "-o", join(place, "tokens"));
      const child = spawn(command, args);
      const ended = new Promise((resolve) => child.once("exit", (_, by) => resolve(by)));
      await until(() => readdirSync(place).length > 0);
      child.kill(signal);
      expect(await ended).toBe(signal);
      expect(readdirSync(place)).toEqual([]);
    });
  test("what SIGKILL leaves behind, the next run removes", async () => {
    const place = join(folder, "killed");
    mkdirSync(place);
    const { command, args } = dreamc("data", "prepare", words, "-t", "gpt2", "-o", join(place, "tokens"));
    const child = spawn(command, args);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await until(() => readdirSync(place).length > 0);
    child.kill("SIGKILL");
    await ended;
    expect(readdirSync(place)).toEqual([expect.stringContaining("tokens.unfinished-")]);
    const small = join(folder, "small.txt");
    writeFileSync(small, "a few words\n");
    const again = dreamc("data", "prepare", small, "-t", "bytes", "-o", join(place, "tokens"));
    await promisify(execFile)(again.command, [...again.args]);
    expect(readdirSync(place)).toEqual(["tokens"]);
    expect(readFileSync(join(place, "tokens", "manifest.json"), "utf8")).toContain("dreamc-tokens");
  });
});
