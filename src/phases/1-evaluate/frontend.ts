// The TypeScript front end: a type-checked program of the user's files and of the library. What takes TypeScript long is
// kept small: no type packages, no comments read as documentation, imports found without searching, and the library's
// own files, which are checked when dreamc is built, are read but not checked again.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve as resolvePath } from "node:path";
import { fileURLToPath } from "node:url";
import { Diagnosed, type Diagnostic, diagnosed } from "../../diagnostics/diagnostic.js";
import { typescriptHelp } from "../../diagnostics/messages/programs.js";
import type { SourcePlace } from "../../ir/origin.js";
import { type DiskAnswers, recordAnswers } from "./disk.js";
import { ts } from "./typescript.js";

export { ts };

export interface Frontend {
  readonly entry: ts.SourceFile;
  readonly checker: () => ts.TypeChecker;
  /** The file that an import means; null for modules that are not TypeScript sources (zod). */
  readonly resolve: (specifier: string, from: ts.SourceFile) => ts.SourceFile | null;
  readonly isLibrary: (file: ts.SourceFile) => boolean;
}

/** The folder of the package: its package.json, found upwards from here, so that `src` and `dist` work alike. */
export function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (
    !existsSync(join(folder, "package.json")) ||
    (existsSync(join(folder, "..", "package.json")) && folder.endsWith("dist"))
  )
    folder = dirname(folder);
  return folder;
}

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ["lib.es2023.d.ts"],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: [],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  noImplicitOverride: true,
};

/** Finds the files that imports mean: `dreamc`, files beside, and packages as TypeScript does. */
function importFinder(
  folder: string,
  host: ts.CompilerHost,
): (specifier: string, from: string) => ts.ResolvedModuleFull | undefined {
  const found = new Map<string, ts.ResolvedModuleFull | undefined>();
  const source = (resolvedFileName: string): ts.ResolvedModuleFull => ({
    resolvedFileName,
    extension: ts.Extension.Ts,
    isExternalLibraryImport: false,
  });
  const find = (specifier: string, from: string): ts.ResolvedModuleFull | undefined => {
    if (specifier === "dreamc") return source(join(folder, "src/index.ts"));
    if (!specifier.startsWith("."))
      return ts.resolveModuleName(specifier, from, options, host).resolvedModule as ts.ResolvedModuleFull | undefined;
    const path = resolvePath(dirname(from), specifier);
    const candidates = [path.replace(/\.js$/, ".ts"), `${path}.ts`, join(path, "index.ts")];
    const file = candidates.find((candidate) => candidate.endsWith(".ts") && host.fileExists(candidate));
    return file === undefined ? undefined : source(file);
  };
  return (specifier, from) => {
    const key = `${specifier.startsWith(".") ? dirname(from) : ""} ${specifier}`;
    if (!found.has(key)) found.set(key, find(specifier, from));
    return found.get(key);
  };
}

export interface ReadOptions {
  readonly checkTypes?: boolean;
  /** Receives everything that was asked of the disk. */
  readonly disk?: DiskAnswers;
  /** Files of the library that were parsed before, by name: who reads several programs parses them once. */
  readonly parsed?: Map<string, ts.SourceFile>;
}

/** Reads and checks the types of everything that `entryFile` reaches. Throws `Diagnosed` where TypeScript complains. */
export function readProgram(entryFile: string, { checkTypes = true, disk, parsed }: ReadOptions = {}): Frontend {
  const folder = packageFolder();
  if (!existsSync(entryFile)) {
    throw diagnosed(null, "no-such-file", entryFile);
  }
  const host = ts.createCompilerHost(options, true);
  if (disk) recordAnswers(host, disk);
  const libraries = dirname(createRequire(import.meta.url).resolve("typescript"));
  host.getDefaultLibLocation = () => libraries;
  host.getDefaultLibFileName = (given) => join(libraries, ts.getDefaultLibFileName(given));
  host.jsDocParsingMode = ts.JSDocParsingMode.ParseNone;
  if (parsed) keepParsed(host, join(folder, "src/"), parsed);
  const find = importFinder(folder, host);
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => ({ resolvedModule: find(text, from) }));
  const program = ts.createProgram([entryFile], checkTypes ? options : { ...options, noLib: true }, host);
  const entry = program.getSourceFile(entryFile)!;
  const library = join(folder, "src/");
  const isLibrary = (file: ts.SourceFile): boolean => file.fileName.startsWith(library);
  const own = program.getSourceFiles().filter((file) => !file.isDeclarationFile && !isLibrary(file));
  const problems = own.flatMap((file) => [
    ...program.getSyntacticDiagnostics(file),
    ...(checkTypes ? program.getSemanticDiagnostics(file) : []),
  ]);
  const [first, ...rest] = problems.map(diagnosticOf);
  if (first) throw new Diagnosed([first, ...rest]);
  const resolve = (specifier: string, from: ts.SourceFile): ts.SourceFile | null => {
    const file = find(specifier, from.fileName)?.resolvedFileName;
    const source = file === undefined ? undefined : program.getSourceFile(file);
    return source && !source.isDeclarationFile ? source : null;
  };
  return { entry, checker: () => program.getTypeChecker(), resolve, isLibrary };
}

function keepParsed(host: ts.CompilerHost, library: string, parsed: Map<string, ts.SourceFile>): void {
  const { getSourceFile } = host;
  host.getSourceFile = (name, ...rest) => {
    const known = parsed.get(name);
    if (known) return known;
    const file = getSourceFile(name, ...rest);
    if (file && (name.startsWith(library) || name.includes("/typescript/lib/"))) parsed.set(name, file);
    return file;
  };
}

function diagnosticOf({ code, messageText, file, start = 0, length = 0 }: ts.Diagnostic): Diagnostic {
  const place = file ? placeIn(file, start, start + length) : null;
  // Types are called by their names, without the files that they come from.
  const message = ts.flattenDiagnosticMessageText(messageText, "\n").replaceAll(/import\("[^"]*"\)\./g, "");
  return {
    id: `TS${code}`,
    message,
    help: typescriptHelp(code, message),
    origin: place && { place, inside: "", caller: null },
  };
}

export function placeIn(file: ts.SourceFile, start: number, end: number): SourcePlace {
  const { line, character } = file.getLineAndCharacterOfPosition(start);
  return { file: file.fileName, start, end, line: line + 1, column: character + 1 };
}
