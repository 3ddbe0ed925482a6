// What users import says what it does: every exported name of the language, those inside `F`, `nn` and `init` too, has a
// docstring.
import { join, normalize } from "node:path";
import { Node, Project, type SourceFile } from "ts-morph";
import { expect, test } from "vitest";

const root = normalize(join(import.meta.dirname, "../.."));

test("every name that users import has a docstring", () => {
  const project = new Project({ tsConfigFilePath: join(root, "tsconfig.json"), skipAddingFilesFromTsConfig: true });
  const { silent, seen } = silentNames(project.addSourceFileAtPath(join(root, "src/index.ts")), "");
  expect(seen).toBeGreaterThan(150);
  expect(silent).toEqual([]);
});

function silentNames(file: SourceFile, prefix: string): { readonly silent: readonly string[]; readonly seen: number } {
  const silent: string[] = [];
  let seen = 0;
  for (const [name, [declaration]] of file.getExportedDeclarations()) {
    seen++;
    // A namespace is a file.
    const inside = Node.isSourceFile(declaration) ? silentNames(declaration, `${prefix}${name}.`) : null;
    silent.push(...(inside?.silent ?? []));
    seen += inside?.seen ?? 0;
    if (!inside && declaration && !isDescribed(declaration))
      silent.push(
        `${prefix}${name} (${declaration.getSourceFile().getBaseName()}:${declaration.getStartLineNumber()})`,
      );
  }
  return { silent, seen };
}

function isDescribed(declaration: Node): boolean {
  const holder = Node.isVariableDeclaration(declaration) ? declaration.getVariableStatementOrThrow() : declaration;
  return Node.isJSDocable(holder) && holder.getJsDocs().length > 0;
}
