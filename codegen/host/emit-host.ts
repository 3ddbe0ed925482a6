// A program's host code as one C++ struct: config values that can be set at start and kept variables are its members,
// named scopes and main its functions.
import type { HostExpression, HostStatement, HostVariable } from "../../src/ir/host.js";
import { blocksOf, expressionsOf, operandsOf } from "../../src/ir/host-parts.js";
import type { Program } from "../../src/ir/program.js";
import { CppNames, cppString } from "../cpp-text.js";
import { render, type View } from "../render.js";
import { writeExpression } from "./expression.js";
import { findFunctions, type HostFunction, type ScopeStatement, viewThrough } from "./functions.js";
import { type ConfigTypes, configTypes } from "./host-type.js";
import { type GraphNames, writeRun } from "./run-graph.js";
import { SourceLines } from "./source-lines.js";
import { cppTypes, parameterType, type StatementNames, writeBody } from "./statement.js";
import { occurrences, placeDeclarations } from "./variables.js";

/** Names of the struct's own that no user's name may take. */
const ownNames = ["run", "host", "Host", "main"];

/** The text of `host.cpp`. `graphs` says how the functions of the graphs are called. */
export function emitHost(program: Program, graphs: GraphNames): string {
  const names = new HostNames(program);
  const functions = findFunctions(program.main);
  const callees = new Map<ScopeStatement, { name: string; callee: HostFunction }>();
  for (const fn of functions) {
    if (fn.scope) callees.set(fn.scope, { name: names.members.declare(fn.scope.name), callee: fn });
  }
  const main = names.members.declare("fit");
  return render("host", {
    file: program.file,
    loaders: program.loaders.map((loader, index) => ({ name: names.loaderName(loader.name), index })),
    members: [
      { what: "Config values that --set can change.", lines: configMembers(program, names) },
      { what: "Kept from step to step.", lines: keptMembers(program, names) },
    ].filter(({ lines }) => lines.length > 0),
    functions: functions.map((fn) =>
      functionView(fn, fn.scope ? callees.get(fn.scope)!.name : main, callees, names, graphs),
    ),
    main,
  });
}

/** Names of one program's host code. Each variable has one name everywhere, so that the functions read alike. */
class HostNames implements StatementNames {
  readonly config: ConfigTypes;
  readonly members = new CppNames(null, ownNames);
  readonly #variables = new Map<HostVariable, string>();
  readonly #config = new Map<string, string>();
  readonly #loaders = new Map<string, string>();
  readonly #labels = new Map<string, string>();
  readonly #lines = new SourceLines();

  constructor(program: Program) {
    this.config = configTypes(program.config);
    for (const { path } of program.config) this.#config.set(path, this.members.declare(`${path}.setting`));
    for (const { name } of program.loaders) this.#loaders.set(name, this.members.declare(`${name}.loader`));
    for (const variable of program.variables) if (variable.kept) this.#name(variable);
    for (const { variable } of occurrences(program.main)) this.#name(variable);
  }

  #name(variable: HostVariable): void {
    if (!this.#variables.has(variable)) this.#variables.set(variable, this.members.declare(variable.name));
  }

  nameOf(variable: HostVariable): string {
    return known(this.#variables.get(variable), `host variable ${variable.name}`);
  }
  configName(path: string): string {
    return known(this.#config.get(path), `config value ${path}`);
  }
  loaderName(loader: string): string {
    return known(this.#loaders.get(loader), `loader ${loader}`);
  }
  labelName(label: string): string {
    const before = this.#labels.get(label);
    if (before !== undefined) return before;
    const name = this.members.declare(label);
    this.#labels.set(label, name);
    return name;
  }
  sourceLine({ origin }: HostStatement): string | null {
    return this.#lines.describe(origin);
  }
}

function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is used but the program does not have it`);
  return value;
}

/** Only values that the host code reads: a fixed one is a number in the code. */
function configMembers(program: Program, names: HostNames): readonly string[] {
  const used = new Set<string>();
  const collect = (expression: HostExpression): void => {
    if (expression.kind === "config") used.add(expression.path);
    for (const inner of operandsOf(expression)) collect(inner);
  };
  const walk = (block: readonly HostStatement[]): void => {
    for (const statement of block) {
      expressionsOf(statement).forEach(collect);
      blocksOf(statement).forEach(walk);
    }
  };
  walk(program.main);
  for (const { initial } of program.variables) if (initial) collect(initial);
  return program.config
    .filter(({ path }) => used.has(path))
    .map(({ path }) => {
      const type = known(names.config.get(path), `config value ${path}`);
      return `const ${cppTypes[type]} ${names.configName(path)} = run.${getters[type]}(${cppString(path)});`;
    });
}

const getters = {
  number: "configNumber",
  boolean: "configBoolean",
  string: "configText",
  tensor: "",
  batch: "",
} as const;

function keptMembers(program: Program, names: HostNames): readonly string[] {
  return program.variables
    .filter(({ kept }) => kept)
    .map((variable) => {
      const initial = known(variable.initial ?? undefined, `the first value of ${variable.name}`);
      return `${cppTypes[variable.type]} ${names.nameOf(variable)} = ${writeExpression(initial, names)};`;
    });
}

function functionView(
  fn: HostFunction,
  name: string,
  callees: ReadonlyMap<ScopeStatement, { readonly name: string; readonly callee: HostFunction }>,
  names: HostNames,
  graphs: GraphNames,
): View {
  const parameters = new Set(fn.parameters.map(({ variable }) => variable));
  const view = viewThrough(new Map([...callees].map(([scope, { callee }]) => [scope, callee])));
  const declarations = placeDeclarations(
    fn.body,
    (variable) => variable.kept || parameters.has(variable),
    view.insideOf,
    view.occurrencesOf,
  );
  const lines = writeBody(fn.body, {
    names,
    declarations,
    calls: callees,
    label: fn.scope?.label ?? null,
    writeRun: (statement) => writeRun(statement, names, graphs),
  });
  return {
    name,
    parameters: fn.parameters
      .map(({ variable, byReference }) => `${parameterType(variable.type, byReference)} ${names.nameOf(variable)}`)
      .join(", "),
    lines,
  };
}
