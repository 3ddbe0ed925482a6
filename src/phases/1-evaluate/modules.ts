// Modules: each file is evaluated once, when something it exports is first needed by the file that imports it. Names are
// looked up where they are used, so that cycles of imports work as in JavaScript.
import { nearestName } from "../../diagnostics/nearest-name.js";
import type { Evaluation } from "./evaluation.js";
import { ts } from "./frontend.js";
import { absent, type Variable } from "./journal.js";
import { Scope } from "./scope.js";
import { evaluate } from "./syntax/expressions.js";
import { declareIn, execute } from "./syntax/statements.js";

type Lookup = () => unknown;
interface Module {
  readonly exports: ReadonlyMap<string, Lookup>;
  readonly stars: readonly Module[];
  /** What `import * as x` gives. */
  namespace: object | null;
}

const K = ts.SyntaxKind;
const has = (node: ts.Node, kind: ts.SyntaxKind): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node)?.some((modifier) => modifier.kind === kind) ?? false);

export class Modules {
  private readonly loaded = new Map<ts.SourceFile, Module>();
  constructor(
    private readonly ev: Evaluation,
    private readonly globals: Scope,
  ) {}

  load(file: ts.SourceFile): Module {
    const known = this.loaded.get(file);
    if (known) return known;
    const exports = new Map<string, Lookup>();
    const stars: Module[] = [];
    const module: Module = { exports, stars, namespace: null };
    this.loaded.set(file, module);
    const lazy = new Map<string, Lookup>();
    const scope = new Scope(this.globals, this.globals.context, lazy);
    const imported: (() => void)[] = [];
    for (const statement of file.statements) this.link(statement, file, lazy, exports, stars, scope, imported);
    const { ev } = this;
    const [at, inside] = [ev.at, ev.inside];
    ev.inside = "";
    // Functions exist before what is imported is evaluated: a cycle may call them.
    declareIn(file.statements, scope, ev);
    for (const load of imported) load();
    for (const statement of file.statements) {
      if (has(statement, K.DeclareKeyword)) continue;
      if (ts.isExportAssignment(statement)) {
        const value = evaluate(statement.expression, scope, ev);
        exports.set("default", () => value);
      } else execute(statement, scope, ev);
    }
    ev.at = at;
    ev.inside = inside;
    return module;
  }

  private link(
    statement: ts.Statement,
    file: ts.SourceFile,
    lazy: Map<string, Lookup>,
    exports: Map<string, Lookup>,
    stars: Module[],
    scope: Scope,
    imported: (() => void)[],
  ): void {
    if (ts.isImportDeclaration(statement)) {
      const clause = statement.importClause;
      if (clause?.isTypeOnly) return;
      const from = this.open(statement.moduleSpecifier, file);
      imported.push(() => void from());
      if (clause?.name) lazy.set(clause.name.text, () => this.find(from(), "default", statement));
      const bindings = clause?.namedBindings;
      if (bindings && ts.isNamespaceImport(bindings)) lazy.set(bindings.name.text, () => this.namespaceOf(from()));
      else if (bindings)
        for (const { name, propertyName, isTypeOnly } of bindings.elements)
          if (!isTypeOnly) lazy.set(name.text, () => this.find(from(), (propertyName ?? name).text, statement));
    } else if (ts.isExportDeclaration(statement)) {
      if (statement.isTypeOnly) return;
      const from = statement.moduleSpecifier ? this.open(statement.moduleSpecifier, file) : null;
      if (from) imported.push(() => void from());
      const clause = statement.exportClause;
      if (!clause) imported.push(() => void stars.push(from!()));
      else if (ts.isNamespaceExport(clause)) exports.set(clause.name.text, () => this.namespaceOf(from!()));
      else
        for (const { name, propertyName, isTypeOnly } of clause.elements) {
          if (isTypeOnly) continue;
          const source = (propertyName ?? name).text;
          exports.set(name.text, from ? () => this.find(from(), source, statement) : () => this.local(scope, source));
        }
    } else if (has(statement, K.ExportKeyword)) {
      const isDefault = has(statement, K.DefaultKeyword);
      const ambient = has(statement, K.DeclareKeyword);
      const declare = (name: string): void => {
        const lookup = ambient ? () => this.declared(name) : () => this.local(scope, name);
        exports.set(isDefault ? "default" : name, lookup);
        if (ambient) lazy.set(name, lookup);
      };
      if (ts.isVariableStatement(statement)) {
        const visit = (name: ts.BindingName): void => {
          if (ts.isIdentifier(name)) declare(name.text);
          else for (const element of name.elements) if (!ts.isOmittedExpression(element)) visit(element.name);
        };
        for (const { name } of statement.declarationList.declarations) visit(name);
      } else if (
        ts.isFunctionDeclaration(statement) ||
        ts.isClassDeclaration(statement) ||
        ts.isEnumDeclaration(statement)
      ) {
        if (statement.name) declare(statement.name.text);
        else throw this.ev.unsupported("unnamed-default-export", statement);
      }
    } else if (
      has(statement, K.DeclareKeyword) &&
      (ts.isClassDeclaration(statement) || ts.isFunctionDeclaration(statement)) &&
      statement.name
    ) {
      const { text } = statement.name;
      lazy.set(text, () => this.declared(text));
    }
  }

  private declared(name: string): unknown {
    const value = this.ev.intrinsics.find(name);
    if (value === undefined) throw this.ev.fail("not-supported", `${name}, which is declared without a meaning,`);
    return value;
  }

  private local(scope: Scope, name: string): unknown {
    const found = scope.find(name);
    if (found === null) throw this.ev.fail("unknown-name", name, null);
    const value = typeof found === "function" ? found() : (found as Variable).current;
    if (value === absent) throw new ReferenceError(`Cannot access '${name}' before initialization`);
    return value;
  }

  private open(specifier: ts.Expression, file: ts.SourceFile): () => Module {
    const { text } = specifier as ts.StringLiteral;
    return () => {
      const source = this.ev.frontend.resolve(text, file);
      if (source) return this.load(source);
      const foreign = this.ev.intrinsics.module(text);
      if (!foreign)
        throw this.ev.failAt(
          specifier,
          "not-supported",
          `the module "${text}"`,
          "import from dreamc or from your own files",
        );
      const exports = new Map(Object.entries(foreign).map(([name, value]) => [name, (): unknown => value]));
      return { exports, stars: [], namespace: foreign };
    };
  }

  private search(module: Module, name: string, seen = new Set<Module>()): Lookup | null {
    if (seen.has(module)) return null;
    seen.add(module);
    const own = module.exports.get(name);
    if (own) return own;
    if (name === "default") return null;
    for (const star of module.stars) {
      const found = this.search(star, name, seen);
      if (found) return found;
    }
    return null;
  }

  private find(module: Module, name: string, node: ts.Node): unknown {
    const found = this.search(module, name);
    if (!found) throw this.ev.failAt(node, "unknown-export", name, nearestName(name, module.exports.keys()));
    return found();
  }

  private namespaceOf(module: Module): object {
    if (module.namespace) return module.namespace;
    const namespace: object = {};
    module.namespace = namespace;
    const add = (from: Module): void => {
      for (const [name, lookup] of from.exports)
        if (!Object.hasOwn(namespace, name)) Object.defineProperty(namespace, name, { get: lookup, enumerable: true });
      for (const star of from.stars) add(star);
    };
    add(module);
    return namespace;
  }
}
