// Runs code whose numbers only the running program knows: evaluated to host code, which is then interpreted. `rt(x)` makes
// a run-time value, `show(…)` prints. In V8 `rt` gives its argument.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import vm from "node:vm";
import { Diagnosed } from "../../src/diagnostics/diagnostic.js";
import { runProgram } from "../../src/ir/interpret-program.js";
import { defaultLayout } from "../../src/ir/layout.js";
import { oneRank } from "../../src/ir/mesh.js";
import { inEvaluation } from "../../src/phases/1-evaluate/evaluate.js";
import { ts } from "../../src/phases/1-evaluate/frontend.js";
import { finishBlock } from "../../src/phases/1-evaluate/host-builder.js";
import { simplifyHost } from "../../src/phases/1-evaluate/simplify-host.js";
import { parsed } from "./parsed.js";

export type Ending = { readonly printed: string } | { readonly thrown: string } | { readonly refused: string };

const folder = mkdtempSync(join(tmpdir(), "dreamc-"));
export const cleanUp = (): void => rmSync(folder, { recursive: true });

export function runAtRunTime(code: string): Ending {
  const file = join(folder, "code.ts");
  writeFileSync(file, `import { runtime as rt, rankZeroPrint as show } from "dreamc";\n${code}\n`);
  try {
    const main = inEvaluation(file, { checkTypes: false, parsed, maxSteps: 500_000 }, ({ ev, config }) =>
      simplifyHost(finishBlock(ev.builder.current), config.fixed),
    );
    const { printed } = runProgram({
      level: "logical",
      name: "code",
      file,
      config: [],
      mesh: oneRank,
      precision: { compute: "f32", reduce: "f32" },
      modules: [],
      states: [],
      plan: null,
      variables: [],
      loaders: [],
      layout: defaultLayout,
      computedBatches: [],
      graphs: new Map(),
      main,
    });
    return { printed };
  } catch (fault) {
    if (fault instanceof Diagnosed) return { refused: fault.message };
    return { thrown: (fault as Error).message };
  }
}

export function runInV8(code: string): Ending {
  let printed = "";
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.None },
  });
  const show = (...parts: readonly unknown[]): void => {
    printed += `${parts.map(String).join(" ")}\n`;
  };
  try {
    vm.runInNewContext(`"use strict";${outputText}`, { show, rt: (value: unknown) => value });
  } catch (fault) {
    return { thrown: (fault as Error).message };
  }
  return { printed };
}
