// The shape of the source: who may import whom, how large files are, what they are called, and that what documents name
// is there.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { expect, test } from "vitest";

const root = normalize(join(import.meta.dirname, "../.."));
const filesUnder = (folder: string, extension: string): readonly string[] =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(extension))
        .map((file) => join(folder, file))
        .sort()
    : [];
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");

const sources = [...filesUnder("src", ".ts"), ...filesUnder("codegen", ".ts")];

/** Files of the repository that a file imports, and packages by name. */
function importsOf(file: string): readonly string[] {
  const specifiers = [...textOf(file).matchAll(/(?:from|import|require)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]!);
  return specifiers.map((specifier) =>
    specifier.startsWith(".")
      ? relative(root, join(root, dirname(file), specifier.replace(/\.js$/, ".ts")))
      : specifier,
  );
}
const allImports = sources.flatMap((file) => importsOf(file).map((imported) => ({ file, imported })));

/** Imports of files in `from` of files in `to`. */
const crossing = (from: RegExp, to: RegExp): readonly string[] =>
  allImports.flatMap(({ file, imported }) =>
    from.test(file) && to.test(imported) ? [`${file} imports ${imported}`] : [],
  );

test("there are sources to look at, and their imports exist", () => {
  expect(sources.length).toBeGreaterThan(100);
  const missing = allImports.filter(
    ({ imported }) => /\.(ts|json)$/.test(imported) && !existsSync(join(root, imported)),
  );
  expect(missing).toEqual([]);
});

test("the graph and the ops know nothing of phases, passes, targets or the command line", () => {
  expect(crossing(/^src\/(ir|ops)\//, /^(src\/(phases|passes|cli|compile|language)|codegen)/)).toEqual([]);
});

test("a phase imports nothing of a later one, nor of what runs it", () => {
  const phases = ["1-evaluate", "2-differentiate", "3-partition", "4-schedule"];
  const found = phases.flatMap((phase, i) =>
    phases
      .slice(i + 1)
      .flatMap((later) => crossing(new RegExp(`^src/phases/${phase}/`), new RegExp(`^src/phases/${later}/`))),
  );
  expect(found).toEqual([]);
  expect(crossing(/^src\/phases\//, /^(src\/(compile|passes|cli|language)|codegen)/)).toEqual([]);
});

test("targets read programs: they import no pass", () => {
  expect(crossing(/^codegen\//, /^src\/(phases|passes|compile|cli|language)/)).toEqual([]);
});

test("the language imports nothing of the compiler", () => {
  expect(
    crossing(/^src\/(language\/|index\.ts)/, /^(src\/(ir|ops|phases|passes|cli|compile|diagnostics)|codegen)/),
  ).toEqual([]);
});

test("nobody imports the command line", () => {
  expect(crossing(/^(src\/(?!cli\/)|codegen\/)/, /^src\/cli\//)).toEqual([]);
});

test("TypeScript's compiler and the template engine have one user each", () => {
  const users = (name: string): readonly string[] =>
    allImports.flatMap(({ file, imported }) => (imported === name ? [file] : []));
  const compiler = new Set([...users("typescript"), ...users("ts-morph")]);
  expect([...compiler]).toEqual(["src/phases/1-evaluate/typescript.ts"]);
  expect(users("handlebars").every((file) => file.startsWith("codegen/"))).toBe(true);
});

const written = [
  ...sources,
  ...filesUnder("test", ".ts"),
  ...filesUnder("examples", ".ts"),
  ...filesUnder("runtime-cuda", ".cpp"),
  ...filesUnder("runtime-cuda", ".h"),
  ...filesUnder("runtime-cuda", ".cu"),
];

test("no file is called after nothing", () => {
  expect(written.filter((file) => /(^|[-_./])(utils?|helpers?|common|misc)([-_.]|$)/.test(file))).toEqual([]);
});

/** What a file says of itself: the comment that it opens with. */
const headOf = (file: string): string => {
  const lines = textOf(file).split("\n");
  const end = lines.findIndex((line) => !/^(\/\/|\/?\s*\*|#pragma|$)/.test(line));
  return lines.slice(0, end).join("\n");
};

test("files are at most 400 lines, or say why not", () => {
  const long = written.filter((file) => textOf(file).split("\n").length > 401);
  expect(long.filter((file) => !/\blong\b/i.test(headOf(file)))).toEqual([]);
});

test("files say what they are for", () => {
  const silent = sources.filter((file) => !/^(#!.*\n)?\/\//.test(textOf(file)));
  expect(silent).toEqual([]);
});

test("paths that ARCHITECTURE.md names exist", () => {
  const file = "ARCHITECTURE.md";
  if (!existsSync(join(root, file))) {
    console.log("ARCHITECTURE.md is not there: its paths are not checked");
    return;
  }
  const named = [...textOf(file).matchAll(/`([^`\s]+)`/g)]
    .map((match) => match[1]!)
    .filter(
      (text) =>
        /^[\w.@-]+(\/[\w.*@-]+)*\/?$/.test(text) &&
        (text.includes("/") || /\.(ts|md|json|h|cpp|cu|hbs|sh)$/.test(text)),
    );
  const missing = named.filter((path) => !path.includes("*") && !existsSync(join(root, path)));
  expect(missing).toEqual([]);
});
