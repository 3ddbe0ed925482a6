// A graph as one C++ file for CPUs: its kernels in the order in which they first run, then the graph's function, which
// names its memory and launches them in order.
import type { Kernel, KernelLaunch, Launch, LoopLaunch, ScheduledGraph, TableLaunch } from "../../src/ir/scheduled.js";
import { CppNames, cppComment, cppIdentifier } from "../cpp-text.js";
import { AmountTable } from "../graph/amount-table.js";
import { bufferShapes } from "../graph/buffer-shapes.js";
import { writeCall } from "../graph/call-launch.js";
import { writeCollective, writeWait } from "../graph/collective-launch.js";
import type { GraphSignature, ProgramFacts } from "../graph/graph-signature.js";
import { launchComment } from "../graph/launch-comment.js";
import { ObserveTables } from "../graph/observe-launch.js";
import { type OpenLoop, Places } from "../graph/places.js";
import { dtypeTexts, rankNumberText } from "../graph/rank-number.js";
import { graphField } from "../host/run-graph.js";
import { render } from "../render.js";
import type { KernelParameter } from "./kernel-function.js";
import { KernelShelf } from "./kernel-shelf.js";
import { declareMaximum, maximumOfFloats } from "./reductions.js";

/** The text of a graph's file. */
export function emitGraph(graph: ScheduledGraph, signature: GraphSignature, facts: ProgramFacts): string {
  return new GraphWriter(graph, signature, facts).text();
}

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

class GraphWriter {
  /** Of kernels, tables and the function's variables alike, since kernels come to light while the function is written. */
  readonly #names = new CppNames(null, fileWords);
  readonly #amounts: AmountTable;
  readonly #places: Places;
  readonly #observed: ObserveTables;
  readonly #kernels: KernelShelf;
  readonly #numbers = new Map<string, string>();
  readonly #numberLines: string[] = [];

  constructor(
    readonly graph: ScheduledGraph,
    readonly signature: GraphSignature,
    readonly facts: ProgramFacts,
  ) {
    this.#names.declare(signature.function);
    this.#amounts = new AmountTable(new CppNames());
    this.#kernels = new KernelShelf(this.#names, this.#amounts);
    this.#observed = new ObserveTables(this.#names, facts.variants.length);
    this.#places = new Places({
      graph,
      amounts: this.#amounts,
      names: this.#names,
      fieldIndex: signature.fieldIndex,
      shapeOf: bufferShapes(graph, facts.states),
    });
  }

  text(): string {
    const { graph, signature } = this;
    const launches = this.#launches(graph.launches);
    const ends = graph.results.flatMap(({ name, buffer }) => {
      if (buffer.home.kind === "result" && buffer.home.name === name) return [];
      const bytes = `results.${graphField(name)}.numElements() * sizeof(${this.#elementOf(buffer.dtype)})`;
      const from = this.#places.pointer(
        buffer,
        buffer.numElements.map(() => 0),
      );
      return [`std::memcpy(results.${graphField(name)}.data<std::byte>(), ${from}, ${bytes});`];
    });
    const results = graph.results.map(({ name, buffer }) => {
      const count = this.#amounts.text(buffer.numElements, cppIdentifier(`${name}.numElements`));
      return `.${graphField(name)} = run.newTensor(${dtypeTexts[buffer.dtype]}, ${count})`;
    });
    const body = [...this.#places.head, ...this.#numberLines, ...launches, ...ends];
    const uses = (word: string): boolean => body.some((line) => new RegExp(`\\b${word}\\b`).test(line));
    const head = [
      ...(uses("amounts") || !this.#amounts.isEmpty
        ? ["[[maybe_unused]] const Amounts& amounts = amountsByVariant[run.variant()];"]
        : []),
      ...(uses("states") ? ["std::byte* const states = run.states();"] : []),
      ...(uses("arena") ? ["std::byte* const arena = run.arena();"] : []),
      ...(results.length > 0 ? [`${signature.results} results{${results.join(", ")}};`] : []),
    ];
    const functions = this.#kernels.lines();
    const front = [
      ...(functions.some((line) => line.includes(`${maximumOfFloats} :`)) ? [declareMaximum] : []),
      ...this.#amounts.declaration(this.facts.variants.map(({ shown }) => shown)),
      ...this.#places.tables,
      ...this.#observed.lines,
    ];
    return render("graph", {
      name: graph.name,
      file: this.facts.file,
      front: front.length > 0 ? [...front, ""] : [],
      functions,
      results: signature.results,
      inputs: signature.inputs,
      function: signature.function,
      parameter: [...head, ...body].some((line) => /\bin\./.test(line)) ? " in" : "",
      run: [...head, ...body].some((line) => /\brun\b/.test(line)) ? " run" : "",
      body: indented([...head, ...body, results.length > 0 ? "return results;" : "return {};"]),
    });
  }

  #launches(launches: readonly Launch[]): readonly string[] {
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
          add(launchComment(launch.kernel.from, this.facts.lines), [this.#kernel(launch)]);
          break;
        case "table":
          add(launchComment(launch.kernel.from, this.facts.lines), this.#table(launch));
          break;
        case "call":
          add(launchComment([launch.from], this.facts.lines), writeCall(launch, this.#places, this.#amounts));
          break;
        case "collective":
          add(launchComment([launch.from], this.facts.lines), writeCollective(launch, this.#places, this.#amounts));
          break;
        case "wait":
          lines.push(writeWait(launch, this.#places));
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
          add([""], this.#observed.write(all));
        }
      }
    }
    return lines.filter((line, i) => line !== "" || lines[i - 1] !== "");
  }

  #loop({ loop, count, name, phase, body }: LoopLaunch): readonly string[] {
    const index = this.#names.declare(roundName(name));
    const open: OpenLoop = { loop, count, index, head: [] };
    const lines = this.#places.inLoop(open, () => this.#launches(body));
    this.#names.release(index);
    return [
      `for (int ${index} = 0; ${index} < ${count}; ++${index}) {  ${cppComment(`${name}: ${phase}`)}`,
      ...indented(lines),
      "}",
    ];
  }

  #kernel({ kernel, operands }: KernelLaunch): string {
    const isValue = operands.map(({ place }) => this.#places.isValue(place));
    const { name, parameters } = this.#kernels.kernel(kernel, isValue);
    const args = parameters.map((parameter) => {
      if (parameter.kind !== "operand") return this.#argument(parameter, kernel);
      const { place, offset } = operands[parameter.operand]!;
      return parameter.isValue ? this.#places.value(place) : this.#places.pointer(place, offset);
    });
    return `${name}(${args.join(", ")});`;
  }

  #table(launch: TableLaunch): readonly string[] {
    const { kernel, rows } = launch;
    const { name, parameters } = this.#kernels.table(launch);
    const values: string[] = [];
    const args = parameters.map((parameter) => {
      switch (parameter.kind) {
        case "values": {
          const array = this.#names.declare(`${name}.${parameter.name}`);
          const list = parameter.values.map((place) => this.#places.value(place)).join(", ");
          values.push(`const ${parameter.type} ${array}[] = {${list}};`);
          return array;
        }
        case "rows":
          return `dream::spanOf(${parameter.table})`;
        case "variant":
          return "run.variant()";
        case "chunks":
          return this.#amounts.text(parameter.count, cppIdentifier(`${name}.numChunks`));
        case "area":
          return parameter.area;
        case "operand": {
          const { place, offset } = rows[0]!.operands[parameter.operand]!;
          return parameter.isValue ? this.#places.value(place) : this.#places.pointer(place, offset);
        }
        default:
          return this.#argument(parameter, kernel);
      }
    });
    return [...values, `${name}(${args.join(", ")});`];
  }

  #argument(parameter: Exclude<KernelParameter, { kind: "operand" }>, kernel: Kernel): string {
    if (parameter.kind === "seed") return "run.seed()";
    if (parameter.kind === "amounts") return "amounts";
    const { value } = kernel.numbers.find(({ name }) => name === parameter.name)!;
    if (value.kind === "round") return this.#places.roundNumber(value.loop, value.items);
    const text = rankNumberText(value, this.#amounts, cppIdentifier(`${kernel.name}.${parameter.name}`));
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const name = this.#names.declare(parameter.name);
    this.#numberLines.push(`const std::int64_t ${name} = ${text};`);
    this.#numbers.set(text, name);
    return name;
  }

  #elementOf(dtype: Kernel["operands"][number]["dtype"]): string {
    return { f32: "float", bf16: "dream::bf16", i32: "std::int32_t", bool: "bool" }[dtype];
  }
}

const indented = (lines: readonly string[]): readonly string[] => lines.map((line) => (line === "" ? "" : `  ${line}`));

/** One of `blocks` is a `block`. */
const roundName = (name: string): string => {
  const last = name.split(".").at(-1)!;
  return /[^s]s$/.test(last) ? last.slice(0, -1) : `${last}Round`;
};
