// A scheduled program reads as a person would write it, and g++ makes a program of it that says what it should.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { emitProgram } from "../../codegen/emit-program.js";
import { compileSources } from "../../src/native/compile-sources.js";
import { findToolchain } from "../../src/native/find-toolchain.js";
import { uniformAt } from "../../src/ops/random.js";
import { handMadeScheduled } from "./hand-made-scheduled.js";

const files = emitProgram(handMadeScheduled);

test.each(["graph-forward.cpp", "graph-update.cpp", "program.cpp"])("%s", (name) => {
  expect(files.get(name)).toMatchSnapshot();
});

test("the program runs", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dreamc-emit-"));
  try {
    const sources = join(folder, "src");
    mkdirSync(sources);
    for (const [name, text] of files) writeFileSync(join(sources, name), text);
    const program = join(folder, "counting");
    await compileSources({ toolchain: await findToolchain({ name: "cpu" }), sources, program });
    const { stdout } = await execa(program, [], { env: { OMP_NUM_THREADS: "1" } });
    expect(stdout).toContain(`loss ${expectedLoss().toFixed(5)}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** The same by hand. */
function expectedLoss(): number {
  const weight = Array.from({ length: 64 }, (_, n) => -0.5 * uniformAt(n, 0, 7, 0));
  let x = Array.from({ length: 32 }, (_, n) => Math.sin(n));
  for (let layer = 0; layer < 3; layer++) {
    x = x.map((_, n) => {
      const [row, column] = [Math.floor(n / 8), n % 8];
      const sum = Array.from({ length: 8 }, (_unused, k) => x[row * 8 + k]! * weight[k * 8 + column]!);
      return Math.tanh(sum.reduce((a, b) => a + b));
    });
  }
  return x.reduce((sum, each) => sum + each * each, 0) / 32;
}
