// What host code is made of: the expressions, blocks and variables of a statement. Written once for all who walk it.
import type { HostBlock, HostExpression, HostStatement, HostVariable } from "./host.js";

/** The expressions that an expression is made of. */
export function operandsOf(expression: HostExpression): readonly HostExpression[] {
  switch (expression.kind) {
    case "unary":
      return [expression.operand];
    case "binary":
      return [expression.left, expression.right];
    case "conditional":
      return [expression.condition, expression.then, expression.otherwise];
    case "toFixed":
      return [expression.value];
    case "character":
      return [expression.code];
    case "math":
    case "query":
      return expression.args;
    case "literal":
    case "config":
    case "read":
    case "item":
    case "placement":
    case "numBatches":
      return [];
  }
}

/** Variables in an expression, once for each time they are read. */
export function* variablesOf(expression: HostExpression): Generator<HostVariable> {
  if (expression.kind === "read") yield expression.variable;
  if (expression.kind === "item") yield expression.tensor;
  for (const operand of operandsOf(expression)) yield* variablesOf(operand);
}

/** The expressions of a statement itself, not those of blocks inside it. */
export function expressionsOf(statement: HostStatement): readonly HostExpression[] {
  switch (statement.kind) {
    case "let":
    case "assign":
      return [statement.value];
    case "if":
    case "while":
      return [statement.condition];
    case "throw":
      return [statement.message];
    case "run":
      return statement.scalars.map(({ value }) => value);
    case "fetch":
      return [statement.epoch, statement.index];
    case "print":
      return statement.parts;
    case "log":
      return [
        statement.step,
        statement.epoch,
        ...statement.metrics.map(({ value }) => value),
        statement.tokens,
        statement.console,
      ];
    case "progress":
      return [statement.done, statement.total];
    case "break":
    case "continue":
    case "scope":
    case "leave":
    case "initialized":
      return [];
  }
}

/** Variables that a statement itself gives a value. */
export function writtenBy(statement: HostStatement): readonly HostVariable[] {
  switch (statement.kind) {
    case "let":
    case "assign":
      return [statement.variable];
    case "run":
      return statement.results.map(({ variable }) => variable);
    case "fetch":
      return [statement.into];
    default:
      return [];
  }
}

export function blocksOf(statement: HostStatement): readonly HostBlock[] {
  if (statement.kind === "if") return [statement.then, statement.otherwise];
  if (statement.kind === "while" || statement.kind === "scope") return [statement.body];
  return [];
}

/** Every statement of a block and of the blocks inside, each before what is inside it. */
export function* statementsOf(block: HostBlock): Generator<HostStatement> {
  for (const statement of block) {
    yield statement;
    for (const inner of blocksOf(statement)) yield* statementsOf(inner);
  }
}

type Change<T> = (thing: T) => T;
/** An expression with each of its operands changed. */
export function withOperands(expression: HostExpression, change: Change<HostExpression>): HostExpression {
  switch (expression.kind) {
    case "unary":
      return { ...expression, operand: change(expression.operand) };
    case "binary":
      return { ...expression, left: change(expression.left), right: change(expression.right) };
    case "conditional": {
      const { condition, then, otherwise } = expression;
      return { ...expression, condition: change(condition), then: change(then), otherwise: change(otherwise) };
    }
    case "toFixed":
      return { ...expression, value: change(expression.value) };
    case "character":
      return { ...expression, code: change(expression.code) };
    case "math":
    case "query":
      return { ...expression, args: expression.args.map(change) };
    default:
      return expression;
  }
}

export interface HostChanges {
  expression(expression: HostExpression): HostExpression;
  /** In every place but inside expressions. */
  variable(variable: HostVariable): HostVariable;
  block(block: HostBlock): HostBlock;
}
/** A statement with its own expressions, variables and blocks changed. */
export function withParts(statement: HostStatement, { expression, variable, block }: HostChanges): HostStatement {
  switch (statement.kind) {
    case "let":
    case "assign":
      return { ...statement, variable: variable(statement.variable), value: expression(statement.value) };
    case "if": {
      const { condition, then, otherwise } = statement;
      return { ...statement, condition: expression(condition), then: block(then), otherwise: block(otherwise) };
    }
    case "while":
      return { ...statement, condition: expression(statement.condition), body: block(statement.body) };
    case "scope":
      return { ...statement, body: block(statement.body) };
    case "throw":
      return { ...statement, message: expression(statement.message) };
    case "run":
      return {
        ...statement,
        batch: statement.batch && variable(statement.batch),
        scalars: statement.scalars.map(({ name, value }) => ({ name, value: expression(value) })),
        tensors: statement.tensors.map((entry) => ({ name: entry.name, variable: variable(entry.variable) })),
        results: statement.results.map((entry) => ({ name: entry.name, variable: variable(entry.variable) })),
      };
    case "fetch": {
      const { epoch, index, into } = statement;
      return { ...statement, epoch: expression(epoch), index: expression(index), into: variable(into) };
    }
    case "print":
      return { ...statement, parts: statement.parts.map(expression) };
    case "log":
      return {
        ...statement,
        step: expression(statement.step),
        epoch: expression(statement.epoch),
        metrics: statement.metrics.map(({ name, value }) => ({ name, value: expression(value) })),
        tokens: expression(statement.tokens),
        console: expression(statement.console),
      };
    case "progress":
      return { ...statement, done: expression(statement.done), total: expression(statement.total) };
    case "break":
    case "continue":
    case "leave":
    case "initialized":
      return statement;
  }
}
