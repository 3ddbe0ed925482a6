// Wrong calls of `dreamc`: what it says, and its exit code.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageVersion } from "../../codegen/package-folder.js";
import { report } from "../../src/cli/report.js";
import { runDreamc } from "./command-line.js";
import { temporaryFolder } from "./temporary-folder.js";

const folder = temporaryFolder();
const trainer = join(folder, "trainer.ts");
writeFileSync(trainer, "export {};\n");
writeFileSync(join(folder, "notes.md"), "# Notes\n");
mkdirSync(join(folder, "empty"));

test("--version and --help", async () => {
  expect(await runDreamc("--version")).toEqual({ exitCode: 0, out: `${packageVersion}\n`, error: "" });
  const { exitCode, out } = await runDreamc("--help");
  expect(exitCode).toBe(0);
  for (const command of ["build", "check", "run", "ir", "plan", "verify", "data", "doctor"])
    expect(out).toContain(command);
  const inner = await runDreamc("data", "prepare", "--help");
  expect(inner.exitCode).toBe(0);
  expect(inner.out).toContain("--tokenizer");
});

test("without a command it shows what there is", async () => {
  const { exitCode, out, error } = await runDreamc();
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
  expect(error).toContain("Usage: dreamc");
  expect(error).not.toContain("outputHelp");
});

test.each([
  [["bild"], "error: unknown command 'bild'\nhelp: did you mean build?\n"],
  [["data", "prepair"], "error: unknown command 'prepair'\nhelp: did you mean prepare?\n"],
  [["build", trainer, "--ouput", "x"], "error: unknown option '--ouput'\nhelp: did you mean --output?\n"],
  [["build", trainer, "--arch", "sm_90"], "error: --arch is for GPUs\nhelp: add --target cuda\n"],
  [
    ["build", trainer, "--target", "cuda"],
    "error: programs for GPUs are not built yet\nhelp: without --target the program runs on CPUs\n",
  ],
  [["build"], "error: missing required argument 'trainer'\nhelp: dreamc --help shows what there is\n"],
  [
    ["build", trainer, "-o"],
    "error: option '-o, --output <folder>' argument missing\nhelp: dreamc --help shows what there is\n",
  ],
  [["ir", trainer, "--format", "xml"], "Allowed choices are text, json, dot."],
  [["run", trainer, "-n", "0"], "It is a whole number from 1."],
  [["run", trainer, "-n", "two"], "It is a whole number from 1."],
  [["run", trainer, "fast"], "error: fast is no flag of a program\nhelp: flags of the program go behind --"],
] as const)("%j", async (args, says) => {
  const { exitCode, out, error } = await runDreamc(...args);
  expect(error).toContain(says);
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
});

describe.each(["build", "check", "ir", "plan", "run", "verify"])("%s", (command) => {
  test.each([
    [join(folder, "nothing.ts"), "there is no file", "name the file that launches the trainer"],
    [join(folder, "triner.ts"), "there is no file", "did you mean trainer.ts in the same folder?"],
    [folder, "is a folder", `did you mean ${trainer}?`],
    [join(folder, "empty"), "is a folder", "name the trainer's file"],
    [join(folder, "notes.md"), "is no TypeScript file", "a trainer's file ends in .ts"],
  ])("%s", async (file, says, help) => {
    const { exitCode, out, error } = await runDreamc(command, file);
    expect(error).toBe(
      `error: ${says === "there is no file" ? `${says} ${file}` : `${file} ${says}`}\nhelp: ${help}\n`,
    );
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
  });
});

test("--json: one object a line, for wrong usage too", async () => {
  const { exitCode, error } = await runDreamc("check", join(folder, "nothing.ts"), "--json");
  expect(exitCode).toBe(2);
  expect(JSON.parse(error)).toEqual({
    id: "usage",
    message: `there is no file ${join(folder, "nothing.ts")}`,
    help: "name the file that launches the trainer",
    place: null,
    callers: [],
  });
});

describe("a fault of dreamc's own", () => {
  const reportOf = (fault: unknown, debug: boolean): { readonly exitCode: number; readonly error: string } => {
    let error = "";
    const out = (): void => {};
    const invocation = {
      out,
      error: (text: string): void => {
        error += text;
      },
      inColour: false,
      isWatched: false,
      exitCode: 0,
      endedBy: null,
    };
    return { exitCode: report(fault, invocation, { json: false, debug }), error };
  };
  test("asks for a report, and shows the stack only with DREAMC_DEBUG", () => {
    const plain = reportOf(new TypeError("x is not iterable"), false);
    expect(plain.exitCode).toBe(70);
    expect(plain.error).toContain(`error: dreamc ${packageVersion} failed: x is not iterable`);
    expect(plain.error).toContain("please report it");
    expect(plain.error).toContain("DREAMC_DEBUG=1");
    expect(plain.error).not.toContain("    at ");
    expect(reportOf(new TypeError("x is not iterable"), true).error).toContain("    at ");
  });
  test("a place that cannot be used is none", () => {
    const denied = Object.assign(new Error("EACCES"), { code: "EACCES", syscall: "open", path: "/root/x" });
    expect(reportOf(denied, false)).toEqual({ exitCode: 2, error: "error: cannot use /root/x: permission denied\n" });
    const linker = new Error("Command failed: g++\nld: final link failed: No space left on device");
    expect(reportOf(linker, false)).toEqual({ exitCode: 2, error: "error: cannot write: the disk is full\n" });
  });
  test("a full disk is none", () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), {
      code: "ENOSPC",
      syscall: "write",
    });
    expect(reportOf(full, false)).toEqual({ exitCode: 2, error: "error: cannot write: the disk is full\n" });
  });
});
