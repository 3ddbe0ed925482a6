// Runs a whole program in the interpreter: its host code, with graphs on whole values in float64. Batches come from the
// caller; what the program logs and prints is collected. Emitted programs are compared with this.
import type { LogicalGraph } from "./graph.js";
import type { HostBlock, HostExpression, HostStatement, HostVariable, RunGraph } from "./host.js";
import { computeBinary } from "./host-operators.js";
import { runGraph, zeroStates } from "./interpret.js";
import type { NdArray } from "./nd.js";
import type { Loader, Program } from "./program.js";
import type { State } from "./state.js";

export type Batch = { readonly [field: string]: NdArray };
type HostValue = number | boolean | string | NdArray | Batch;

export interface ProgramInputs {
  readonly readBatch?: (loader: Loader, epoch: number, index: number) => Batch;
  readonly numBatches?: (loader: Loader) => number;
  /** `--max-steps`. */
  readonly maxSteps?: number;
  /** `--set`, by path. */
  readonly config?: { readonly [path: string]: number | boolean | string };
  /** Once every state has its first value: `states` may be changed, as `--init-from` does. */
  readonly initialized?: (states: Map<State, NdArray>) => void;
  /** Before a graph runs with these inputs. */
  readonly beforeRun?: (graph: string) => void;
  /** After a graph has run: what it offers by label. */
  readonly observed?: (graph: string, values: ReadonlyMap<string, NdArray>) => void;
}

export interface ProgramEvent {
  readonly event: "train" | "validation";
  readonly step: number;
  readonly epoch: number;
  readonly tokens: number;
  readonly console: boolean;
  readonly metrics: { readonly [name: string]: number };
}
export interface ProgramRun {
  readonly states: ReadonlyMap<State, NdArray>;
  /** Kept variables by name. */
  readonly kept: { readonly [name: string]: number | boolean | string };
  readonly events: readonly ProgramEvent[];
  readonly printed: string;
}

/** How a statement ended early: where it goes to. */
interface Jump {
  readonly kind: "break" | "continue" | "leave";
  readonly label: string;
}

/** Gradients must have been taken. Throws what the program throws. */
export function runProgram(program: Program<"logical">, inputs: ProgramInputs = {}): ProgramRun {
  const states = zeroStates(program.states);
  const variables = new Map<HostVariable, HostValue>();
  const events: ProgramEvent[] = [];
  let printed = "";

  function value(expression: HostExpression): number | boolean | string {
    switch (expression.kind) {
      case "literal":
        return expression.value;
      case "config": {
        const { path } = expression;
        const set = inputs.config?.[path] ?? program.config.find((entry) => entry.path === path)?.value;
        if (set === undefined || set === null) throw new Error(`there is no config value ${path}`);
        return set;
      }
      case "read": {
        const held = variables.get(expression.variable);
        if (held === undefined || typeof held === "object")
          throw new Error(`${expression.variable.name} is read as a number before it is one`);
        return held;
      }
      case "unary": {
        const operand = value(expression.operand);
        return expression.operator === "!" ? !operand : expression.operator === "-" ? -operand : Number(operand);
      }
      case "binary":
        return binary(expression);
      case "conditional":
        return value(value(expression.condition) ? expression.then : expression.otherwise);
      case "math":
        return Math[expression.fn].apply(Math, expression.args.map((arg) => Number(value(arg))) as [number, number]);
      case "toFixed":
        return Number(value(expression.value)).toFixed(expression.digits);
      case "item": {
        const [number] = tensor(expression.tensor).data;
        return number!;
      }
      case "character":
        return String.fromCharCode(Number(value(expression.code)));
      case "placement":
        // What is run here has one device.
        return "Replicate()";
      case "numBatches":
        return numBatches(expression.loader);
      case "query":
        return query(expression.query, expression.args.map(value));
    }
  }

  function binary({ operator, left, right }: HostExpression & { kind: "binary" }): number | boolean | string {
    if (operator === "&&") return value(left) && value(right);
    if (operator === "||") return value(left) || value(right);
    return computeBinary(operator, value(left), value(right));
  }

  function query(kind: (HostExpression & { kind: "query" })["query"], args: readonly unknown[]): number | boolean {
    switch (kind) {
      case "shouldStop":
        return inputs.maxSteps !== undefined && Number(args[0]) >= inputs.maxSteps;
      case "worldSize":
        return 1;
      case "seconds":
        return 0;
      case "isFinite":
        return Number.isFinite(args[0]);
      case "isNaN":
        return Number.isNaN(args[0]);
    }
  }

  const loader = (name: string): Loader => {
    const found = program.loaders.find((each) => each.name === name);
    if (!found) throw new Error(`there is no loader ${name}`);
    return found;
  };
  function numBatches(name: string): number {
    if (!inputs.numBatches) throw new Error(`nobody says how many batches ${name} has`);
    return inputs.numBatches(loader(name));
  }
  function tensor(variable: HostVariable): NdArray {
    const held = variables.get(variable);
    if (typeof held !== "object" || !("data" in held))
      throw new Error(`${variable.name} is read before it is a tensor`);
    return held as NdArray;
  }

  function run(statement: RunGraph): void {
    const graph: LogicalGraph | undefined = program.graphs.get(statement.graph);
    if (!graph) throw new Error(`there is no graph ${statement.graph}`);
    inputs.beforeRun?.(statement.graph);
    const batch = statement.batch && (variables.get(statement.batch) as Batch);
    const done = runGraph(graph, (source) => {
      switch (source.kind) {
        case "state":
          return states.get(source.state)!;
        case "batch":
          return batch![source.field]!;
        case "scalar": {
          const given = statement.scalars.find(({ name }) => name === source.name)!;
          return { shape: [], data: new Float64Array([Number(value(given.value))]) };
        }
        case "tensor":
          return tensor(statement.tensors.find(({ name }) => name === source.name)!.variable);
      }
    });
    for (const { name, variable } of statement.results) variables.set(variable, done.results.get(name)!);
    for (const [state, data] of done.updates) states.set(state, data);
    inputs.observed?.(statement.graph, done.observed);
  }

  function runBlock(block: HostBlock): Jump | null {
    for (const statement of block) {
      const jump = runStatement(statement);
      if (jump) return jump;
    }
    return null;
  }

  function runStatement(statement: HostStatement): Jump | null {
    switch (statement.kind) {
      case "let":
      case "assign":
        variables.set(statement.variable, assigned(statement.value));
        return null;
      case "if":
        return runBlock(value(statement.condition) ? statement.then : statement.otherwise);
      case "while":
        while (value(statement.condition)) {
          const jump = runBlock(statement.body);
          if (jump && jump.label !== statement.label) return jump;
          if (jump?.kind === "break") return null;
        }
        return null;
      case "scope": {
        const jump = runBlock(statement.body);
        return jump?.label === statement.label ? null : jump;
      }
      case "break":
      case "continue":
      case "leave":
        return statement;
      case "throw":
        throw new Error(String(value(statement.message)));
      case "run":
        run(statement);
        return null;
      case "fetch": {
        if (!inputs.readBatch) throw new Error("nobody gives batches");
        const [epoch, index] = [Number(value(statement.epoch)), Number(value(statement.index))];
        variables.set(statement.into, inputs.readBatch(loader(statement.loader), epoch, index));
        return null;
      }
      case "print":
        printed += statement.parts.map(value).join(" ") + (statement.isLine ? "\n" : "");
        return null;
      case "log": {
        const number = (expression: HostExpression): number => Number(value(expression));
        events.push({
          event: statement.event,
          step: number(statement.step),
          epoch: number(statement.epoch),
          tokens: number(statement.tokens),
          console: Boolean(value(statement.console)),
          metrics: Object.fromEntries(statement.metrics.map((metric) => [metric.name, number(metric.value)])),
        });
        return null;
      }
      case "initialized":
        inputs.initialized?.(states);
        return null;
      case "progress":
        return null;
    }
  }

  /** Tensors are assigned by name alone; numbers by value. */
  function assigned(expression: HostExpression): HostValue {
    if (expression.kind !== "read") return value(expression);
    const held = variables.get(expression.variable);
    if (held === undefined) throw new Error(`${expression.variable.name} is read before it has a value`);
    return held;
  }

  for (const variable of program.variables) if (variable.initial) variables.set(variable, value(variable.initial));
  const stray = runBlock(program.main);
  if (stray) throw new Error(`${stray.kind} ${stray.label} leads nowhere`);
  const kept = program.variables.map(({ name }, i) => [name, variables.get(program.variables[i]!)] as const);
  return { states, kept: Object.fromEntries(kept) as ProgramRun["kept"], events, printed };
}
