// Diagnostics as code frames, in colour and plain, and as JSON.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type Diagnostic, diagnosed } from "../../src/diagnostics/diagnostic.js";
import { nearestName } from "../../src/diagnostics/nearest-name.js";
import { diagnosticJson, printDiagnostic } from "../../src/diagnostics/print.js";
import type { Origin } from "../../src/ir/origin.js";

const folder = mkdtempSync(join(tmpdir(), "dreamc-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "trainer.ts");
writeFileSync(file, "const a = 1;\nconst product = x.matmul(weight);\n");

const place = (line: number, column: number, length: number) => ({ file, start: 0, end: length, line, column });
const caller: Origin = { place: place(1, 1, 5), inside: "", caller: null };
const origin: Origin = { place: place(2, 17, 16), inside: "Block.forward", caller };
const [diagnostic] = diagnosed(origin, "matmul-sizes-disagree", [2, 8], [9, 1], 8, 9).diagnostics as [Diagnostic];

describe("a diagnostic", () => {
  it("is a code frame with its calls and the way out", () => {
    expect(printDiagnostic(diagnostic, folder, false)).toBe(
      [
        "error matmul-sizes-disagree: matmul of [2, 8] and [9, 1]: dim -1 of the first is 8, dim -2 of the second 9",
        "  trainer.ts:2:17",
        "   |",
        " 2 | const product = x.matmul(weight);",
        "   |                 ~~~~~~~~~~~~~~~~",
        "  in Block.forward, called from trainer.ts:1:1",
        "help: the last dim of the first operand is summed with the second to last of the second",
        "",
      ].join("\n"),
    );
  });
  it("has colours where they are asked for, and says the same", () => {
    const coloured = printDiagnostic(diagnostic, folder, true);
    expect(coloured).toContain("\u001b[31merror\u001b[39m");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
    expect(coloured.replaceAll(/\u001b\[\d+m/g, "")).toBe(printDiagnostic(diagnostic, folder, false));
  });
  it("shows both ends of a long way of calls", () => {
    const deep = Array.from({ length: 40 }).reduce<Origin>((inner) => ({ ...origin, caller: inner }), caller);
    const lines = printDiagnostic({ ...diagnostic, origin: deep }, folder, false).split("\n");
    expect(lines.filter((line) => line.includes("called from")).length).toBe(16);
    expect(lines).toContain("  … 24 more calls …");
  });
  it("needs no place, and no file that can be read", () => {
    const [nowhere] = diagnosed(null, "nothing-launched").diagnostics;
    expect(printDiagnostic(nowhere, folder, false).split("\n").length).toBe(3);
    const gone: Origin = { ...origin, place: { ...origin.place, file: join(folder, "gone.ts") } };
    expect(printDiagnostic({ ...diagnostic, origin: gone }, folder, false)).toContain("gone.ts:2:17");
  });
  it("is one object for tools", () => {
    expect(diagnosticJson(diagnostic)).toEqual({
      id: "matmul-sizes-disagree",
      message: diagnostic.message,
      help: diagnostic.help,
      place: { file, line: 2, column: 17, inside: "Block.forward" },
      callers: [{ file, line: 1, column: 1, inside: "" }],
    });
  });
});

describe("the nearest name", () => {
  it("is close, or there is none", () => {
    expect(nearestName("reluu", ["gelu", "relu", "silu"])).toBe("relu");
    expect(nearestName("trainbatchsize", ["trainBatchSize", "nEpochs"])).toBe("trainBatchSize");
    expect(nearestName("x", ["matmul", "transpose"])).toBeNull();
    expect(nearestName("softmax", [])).toBeNull();
  });
});
