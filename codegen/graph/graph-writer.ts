// What the function of a graph does, in order, the same on all targets; how kernels are launched is each target's own.
import type {
  CallLaunch,
  Kernel,
  KernelLaunch,
  Launch,
  LoopLaunch,
  ScheduledGraph,
  TableLaunch,
} from "../../src/ir/scheduled.js";
import { CppNames, cppComment, cppIdentifier } from "../cpp-text.js";
import type { KernelParameter } from "../kernel/kernel-context.js";
import { AmountTable } from "./amount-table.js";
import { bufferShapes } from "./buffer-shapes.js";
import { writeCall } from "./call-launch.js";
import { writeCollective, writeWait } from "./collective-launch.js";
import type { GraphSignature, ProgramFacts } from "./graph-signature.js";
import { launchComment } from "./launch-comment.js";
import { ObserveTables } from "./observe-launch.js";
import { type OpenLoop, type OutsideMemory, Places } from "./places.js";
import { rankNumberText } from "./rank-number.js";

/** Names that a graph's file has already. */
const fileWords = [
  "dream",
  "graphs",
  "std",
  "run",
  "in",
  "states",
  "arena",
  "amounts",
  "results",
  "Amounts",
  "Observed",
  "observe",
];

export abstract class GraphWriter {
  /** Of kernels, tables and the function's variables alike, since kernels come to light while the function is written. */
  protected readonly names: CppNames;
  protected readonly amounts: AmountTable;
  protected readonly places: Places;
  protected readonly observed: ObserveTables;
  readonly #numbers = new Map<string, string>();
  /** Lines that name the numbers of kernels. */
  protected readonly numberLines: string[] = [];

  constructor(
    readonly graph: ScheduledGraph,
    readonly signature: GraphSignature,
    readonly facts: ProgramFacts,
    words: readonly string[],
    outside: (names: CppNames) => OutsideMemory,
  ) {
    this.names = new CppNames(null, [...fileWords, ...words]);
    this.names.declare(signature.function);
    this.amounts = new AmountTable(new CppNames());
    this.observed = new ObserveTables(this.names, facts.variants.length);
    this.places = new Places({
      amounts: this.amounts,
      names: this.names,
      shapeOf: bufferShapes(graph, facts.states),
      outside: outside(this.names),
    });
  }

  protected abstract kernel(launch: KernelLaunch): readonly string[];
  protected abstract table(launch: TableLaunch): readonly string[];

  /** A call of the runtime. */
  protected call(launch: CallLaunch): readonly string[] {
    return writeCall(launch, this.places, this.amounts);
  }

  protected launches(launches: readonly Launch[]): readonly string[] {
    const lines: string[] = [];
    let lastComment = "";
    const add = (comment: readonly string[], statement: readonly string[]): void => {
      const isNew = comment.join("\n") !== lastComment;
      lastComment = comment.join("\n");
      if (isNew && lines.length > 0) lines.push("");
      lines.push(...(isNew ? comment : []), ...statement);
    };
    for (let i = 0; i < launches.length; i++) {
      const launch = launches[i]!;
      switch (launch.kind) {
        case "kernel":
          add(launchComment(launch.kernel.from, this.facts.lines), this.kernel(launch));
          break;
        case "table":
          add(launchComment(launch.kernel.from, this.facts.lines), this.table(launch));
          break;
        case "call":
          add(launchComment([launch.from], this.facts.lines), this.call(launch));
          break;
        case "collective":
          add(launchComment([launch.from], this.facts.lines), writeCollective(launch, this.places, this.amounts));
          break;
        case "wait":
          lines.push(writeWait(launch, this.places));
          break;
        case "loop":
          add([""], this.#loop(launch));
          break;
        case "observe": {
          const all = [launch];
          for (let next = launches[i + 1]; next?.kind === "observe"; next = launches[i + 1]) {
            all.push(next);
            i++;
          }
          add([""], this.observed.write(all));
        }
      }
    }
    return lines.filter((line, i) => line !== "" || lines[i - 1] !== "");
  }

  #loop({ loop, count, name, phase, body }: LoopLaunch): readonly string[] {
    const index = this.names.declare(roundName(name));
    const open: OpenLoop = { loop, count, index, head: [] };
    const lines = this.places.inLoop(open, () => this.launches(body));
    this.names.release(index);
    return [
      `for (int ${index} = 0; ${index} < ${count}; ++${index}) {  ${cppComment(`${name}: ${phase}`)}`,
      ...indented(lines),
      "}",
    ];
  }

  /** What is handed over for a parameter of a kernel that is no operand. */
  protected argument(parameter: Exclude<KernelParameter, { kind: "operand" }>, kernel: Kernel): string {
    if (parameter.kind === "seed") return "run.seed()";
    if (parameter.kind === "amounts") return "amounts";
    if (parameter.kind === "amount") return `amounts.${parameter.field}`;
    const { value } = kernel.numbers.find(({ name }) => name === parameter.name)!;
    if (value.kind === "round") return this.places.roundNumber(value.loop, value.items);
    const text = rankNumberText(value, this.amounts, cppIdentifier(`${kernel.name}.${parameter.name}`));
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const name = this.names.declare(parameter.name);
    this.numberLines.push(`const std::int64_t ${name} = ${text};`);
    this.#numbers.set(text, name);
    return name;
  }
}

export const indented = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => (line === "" ? "" : `  ${line}`));

/** One of `blocks` is a `block`. */
const roundName = (name: string): string => {
  const last = name.split(".").at(-1)!;
  return /[^s]s$/.test(last) ? last.slice(0, -1) : `${last}Round`;
};
