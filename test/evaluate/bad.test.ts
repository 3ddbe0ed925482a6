// Bad programs: each is refused with a located message and a way out. A fixture marks the lines on which it expects
// messages by their ids: `// ~ matmul-sizes-disagree`. `// types` on the first line: TypeScript's own checks run too;
// `// compiled`: what evaluation lets pass is found on the way to local graphs.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compileProgram } from "../../src/compile.js";
import { Diagnosed, type Diagnostic } from "../../src/diagnostics/diagnostic.js";
import { messages } from "../../src/diagnostics/messages.js";
import { printDiagnostic } from "../../src/diagnostics/print.js";
import { evaluate } from "../../src/phases/1-evaluate/evaluate.js";
import { parsed } from "./parsed.js";

const folder = join(import.meta.dirname, "bad");
const fixtures = readdirSync(folder).filter((name) => name.endsWith(".ts"));

interface Mark {
  readonly line: number | null;
  readonly id: string;
}
const marksOf = (text: string): readonly Mark[] =>
  text.split("\n").flatMap((line, i) => {
    const ids = line.split("// ~ ")[1];
    if (ids === undefined) return [];
    const hasPlace = !ids.endsWith("(no place)");
    const names = ids.replace("(no place)", "").trim().split(" ");
    return names.map((id) => ({ line: hasPlace ? i + 1 : null, id }));
  });

function diagnosticsOf(file: string, text = ""): readonly Diagnostic[] {
  try {
    const program = evaluate(file, { checkTypes: text.startsWith("// types"), parsed, maxSteps: 200_000 });
    if (text.startsWith("// compiled")) compileProgram(program);
  } catch (fault) {
    if (fault instanceof Diagnosed) return fault.diagnostics;
    throw fault;
  }
  return [];
}

/** How deep calls may nest depends on the machine. */
const settled = (text: string): string => text.replace(/… \d+ more calls …/, "… more calls …");

/** What no fixture can show: a file that is missing, and what is found behind evaluation. */
const marked = new Set<string>(["no-such-file", "memory-budget-too-small"]);
describe("bad programs", () => {
  for (const name of fixtures) {
    const file = join(folder, name);
    const text = readFileSync(file, "utf8");
    for (const { id } of marksOf(text)) marked.add(id);
    it(name.replace(".ts", ""), () => {
      const found = diagnosticsOf(file, text);
      expect(found.map(({ id, origin }) => ({ line: origin?.place.line ?? null, id }))).toEqual(marksOf(text));
      expect(settled(found.map((each) => printDiagnostic(each, folder, false)).join("\n"))).toMatchSnapshot();
    });
  }
  it("a file that does not exist", () => {
    expect(diagnosticsOf(join(folder, "missing.ts")).map(({ id }) => id)).toEqual(["no-such-file"]);
  });
  it("are there for every message", () => {
    const known = Object.keys(messages).sort();
    expect([...marked].filter((id) => !id.startsWith("TS")).sort()).toEqual(known);
  });
});
