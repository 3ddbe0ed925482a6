// Host statements as lines of C++. A jump to the innermost loop is `break` or `continue`; one that goes further is a
// `goto` to a label behind (or at the end of) its target. Each statement says the line of the source it comes from.
import type { HostBlock, HostExpression, HostStatement, HostType, HostVariable, RunGraph } from "../../src/ir/host.js";
import { cppComment, cppString } from "../cpp-text.js";
import { type ExpressionNames, writeCondition, writeExpression, writeText } from "./expression.js";
import type { HostFunction, ScopeStatement } from "./functions.js";
import type { Declarations } from "./variables.js";

export interface StatementNames extends ExpressionNames {
  labelName(label: string): string;
  /** `trainer.ts:12  this.globalStep++`, or null where nothing is known of it. */
  sourceLine(statement: HostStatement): string | null;
}

/** What the statements of one function need to know. */
export interface FunctionContext {
  readonly names: StatementNames;
  readonly declarations: Declarations;
  readonly calls: ReadonlyMap<ScopeStatement, { readonly name: string; readonly callee: HostFunction }>;
  /** The label of the scope that this function is; leaving it is `return`. */
  readonly label: string | null;
  writeRun(statement: RunGraph): readonly string[];
}

/** Jump targets around a statement, outermost first. */
interface Target {
  readonly kind: "loop" | "scope";
  readonly label: string;
  readonly used: Set<"break" | "continue" | "leave">;
}

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => (line === "" ? "" : `  ${line}`));

/** The lines of a function's body, not indented. */
export function writeBody(body: HostBlock, context: FunctionContext): readonly string[] {
  let lastSource: string | null = null;

  function writeBlock(block: HostBlock, targets: readonly Target[]): readonly string[] {
    return block.flatMap((statement) => [...sourceComment(statement), ...writeOne(statement, targets)]);
  }

  function sourceComment(statement: HostStatement): readonly string[] {
    const source = context.names.sourceLine(statement);
    if (source === null || source === lastSource) return [];
    lastSource = source;
    return [cppComment(source)];
  }

  function writeOne(statement: HostStatement, targets: readonly Target[]): readonly string[] {
    const before = (context.declarations.before.get(statement) ?? []).map(declare);
    return [...before, ...writeStatement(statement, targets)];
  }

  function declare(variable: HostVariable): string {
    return `${cppTypes[variable.type]} ${context.names.nameOf(variable)}${initially[variable.type]};`;
  }

  const isDeclaredHere = (statement: HostStatement, variable: HostVariable): boolean =>
    context.declarations.at.get(statement)?.includes(variable) ?? false;

  function writeStatement(statement: HostStatement, targets: readonly Target[]): readonly string[] {
    const { names } = context;
    const value = (expression: HostExpression): string => writeExpression(expression, names);
    switch (statement.kind) {
      case "let":
      case "assign": {
        const type = isDeclaredHere(statement, statement.variable) ? `${cppTypes[statement.variable.type]} ` : "";
        return [`${type}${names.nameOf(statement.variable)} = ${value(statement.value)};`];
      }
      case "if":
        return writeIf(statement, targets);
      case "while":
        return writeWhile(statement, targets);
      case "scope":
        return writeScope(statement, targets);
      case "break":
      case "continue":
      case "leave":
        return [writeJump(statement, targets)];
      case "throw":
        return [`dream::host::fail(${writeText(statement.message, names)});`];
      case "run":
        return [
          ...statement.results
            .filter(({ variable }) => isDeclaredHere(statement, variable))
            .map(({ variable }) => declare(variable)),
          ...context.writeRun(statement),
        ];
      case "fetch": {
        const type = isDeclaredHere(statement, statement.into) ? "dream::Batch " : "";
        const args = [names.loaderName(statement.loader), value(statement.epoch), value(statement.index)];
        return [`${type}${names.nameOf(statement.into)} = run.fetch(${args.join(", ")});`];
      }
      case "print":
        return [`run.${statement.isLine ? "print" : "write"}(${writeLine(statement.parts, names)});`];
      case "log":
        return writeLog(statement);
      case "initialized":
        return ["run.initialized();"];
      case "progress":
        return [`run.progress(${value(statement.done)}, ${value(statement.total)});`];
    }
  }

  function writeIf(statement: HostStatement & { kind: "if" }, targets: readonly Target[]): readonly string[] {
    const lines = [
      `if (${writeCondition(statement.condition, context.names)}) {`,
      ...indent(writeBlock(statement.then, targets)),
    ];
    if (statement.otherwise.length === 0) return [...lines, "}"];
    return [...lines, "} else {", ...indent(writeBlock(statement.otherwise, targets)), "}"];
  }

  function writeWhile(statement: HostStatement & { kind: "while" }, targets: readonly Target[]): readonly string[] {
    const target: Target = { kind: "loop", label: statement.label, used: new Set() };
    const body = writeBlock(statement.body, [...targets, target]);
    const label = context.names.labelName(statement.label);
    // The inner braces keep a jump to the end of the round from passing declarations.
    const round = target.used.has("continue") ? ["{", ...indent(body), "}", `${label}Next:;`] : body;
    return [
      `while (${writeCondition(statement.condition, context.names)}) {`,
      ...indent(round),
      "}",
      ...(target.used.has("break") ? [`${label}End:;`] : []),
    ];
  }

  function writeScope(statement: ScopeStatement, targets: readonly Target[]): readonly string[] {
    const call = context.calls.get(statement);
    if (call) {
      const args = call.callee.parameters.map(({ variable }) => context.names.nameOf(variable));
      return [`${call.name}(${args.join(", ")});`];
    }
    const target: Target = { kind: "scope", label: statement.label, used: new Set() };
    const body = writeBlock(statement.body, [...targets, target]);
    const end = target.used.has("leave") ? [`${context.names.labelName(statement.label)}End:;`] : [];
    return ["{", ...indent(body), "}", ...end];
  }

  function writeJump(
    { kind, label }: { readonly kind: "break" | "continue" | "leave"; readonly label: string },
    targets: readonly Target[],
  ): string {
    const target = targets.findLast((each) => each.label === label);
    if (!target) {
      if (kind === "leave" && label === context.label) return "return;";
      throw new Error(`${kind} has no target called ${label}`);
    }
    const innermost = targets.findLast((each) => each.kind === "loop");
    if (target === innermost && kind !== "leave") return `${kind};`;
    target.used.add(kind);
    return `goto ${context.names.labelName(label)}${kind === "continue" ? "Next" : "End"};`;
  }

  function writeLog(statement: HostStatement & { kind: "log" }): readonly string[] {
    const value = (expression: HostExpression): string => writeExpression(expression, context.names);
    const metrics = statement.metrics.map((metric) => `{${cppString(metric.name)}, ${value(metric.value)}}`);
    return [
      `run.log(dream::LogEvent::${statement.event}, ${value(statement.step)}, ${value(statement.epoch)},`,
      `        {${metrics.join(", ")}},`,
      `        ${value(statement.tokens)}, ${writeCondition(statement.console, context.names)});`,
    ];
  }

  return writeBlock(body, []);
}

export const cppTypes: { readonly [T in HostType]: string } = {
  number: "double",
  boolean: "bool",
  string: "std::string",
  tensor: "dream::Tensor",
  batch: "dream::Batch",
};

const initially: { readonly [T in HostType]: string } = {
  number: " = 0.0",
  boolean: " = false",
  string: "",
  tensor: "",
  batch: "",
};

/** How a function takes a variable: by reference if it gives it a value, by value if that is cheap. */
export function parameterType(type: HostType, byReference: boolean): string {
  if (byReference) return `${cppTypes[type]}&`;
  return type === "number" || type === "boolean" ? cppTypes[type] : `const ${cppTypes[type]}&`;
}

/** Parts with a space between each two, as console.log does it; neighbouring literals are written as one. */
function writeLine(parts: readonly HostExpression[], names: StatementNames): string {
  const pieces: { literal: boolean; text: string }[] = [];
  const addLiteral = (text: string): void => {
    const last = pieces.at(-1);
    if (last?.literal) last.text += text;
    else pieces.push({ literal: true, text });
  };
  parts.forEach((part, index) => {
    if (index > 0) addLiteral(" ");
    if (part.kind === "literal") addLiteral(String(part.value));
    else pieces.push({ literal: false, text: writeText(part, names) });
  });
  if (pieces.length === 0) return '""';
  return pieces.map(({ literal, text }) => (literal ? cppString(text) : text)).join(" + ");
}
