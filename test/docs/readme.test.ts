// What the documents say is so: paths exist, the trainer shown is the example, and every command of README.md runs, in
// order, in a folder that looks like this repository.
import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../cli/temporary-folder.js";
import { compiledDreamc } from "../compiled.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const documents = [
  "README.md",
  "ARCHITECTURE.md",
  "runtime-cuda/README.md",
  ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
];
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const readme = read("README.md");

/** Lines of the blocks marked `sh`. */
const commands = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block]) => block!.trim().split("\n"));

test.each(documents)("the links of %s lead somewhere", (document) => {
  const links = [...read(document).matchAll(/\]\(([^)#]+)\)/g)].map(([, target]) => target!);
  const broken = links.filter(
    (target) => !/^https?:/.test(target) && !existsSync(join(root, dirname(document), target)),
  );
  expect(broken).toEqual([]);
});

test("the trainer in README.md is examples/mlp/trainer.ts", () => {
  const [, shown] = /^```ts\n([\s\S]*?)^```$/m.exec(readme)!;
  expect(shown).toBe(read("examples/mlp/trainer.ts"));
});

test("scripts that the documents name are in package.json", () => {
  const { scripts } = JSON.parse(read("package.json"));
  const named = documents.flatMap((document) => [...read(document).matchAll(/npm (?:run ([\w:]+)|(test))/g)]);
  expect(named.length > 0).toBe(true);
  for (const [, script, other] of named) expect(Object.keys(scripts)).toContain(script ?? other);
});

test("docs/parallelism.md has every entry of deviceParameters", () => {
  const entries = [...read("src/language/trainer/config.ts").matchAll(/^ {4}(\w+): /gm)].map(([, name]) => name!);
  const parameters = entries.slice(entries.indexOf("dpReplicate"), entries.indexOf("offloadOptimizer") + 1);
  expect(parameters.length > 15).toBe(true);
  const text = read("docs/parallelism.md");
  expect(parameters.filter((name) => !text.includes(`| \`${name}\``) && !text.includes(`, \`${name}\` |`))).toEqual([]);
});

describe("commands of README.md", () => {
  const folder = temporaryFolder();
  // A `dreamc` that runs these sources, and a mpirun that may be called by root.
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin", "dreamc"), `#!/bin/sh\nexec '${process.execPath}' '${compiledDreamc()}' "$@"\n`);
  chmodSync(join(folder, "bin", "dreamc"), 0o755);
  for (const name of ["examples", "README.md"]) symlinkSync(join(root, name), join(folder, name));
  const env = {
    ...process.env,
    PATH: `${join(folder, "bin")}:${process.env.PATH}`,
    OMPI_ALLOW_RUN_AS_ROOT: "1",
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
  };
  const runnable = commands.filter((command) => !command.startsWith("npm "));
  test("there are some", () => {
    expect(runnable.length > 5).toBe(true);
    expect(commands).toContain("npm run quickstart");
  });
  test.each(runnable)("%s", async (command) => {
    const { stdout } = await promisify(execFile)("bash", ["-ec", command], { cwd: folder, env });
    expect(stdout).not.toBe("");
  });
});
