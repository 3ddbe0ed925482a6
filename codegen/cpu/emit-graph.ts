// A graph as one C++ file for CPUs: its kernels in the order in which they first run, then the graph's function, which
// names its memory and launches them in order.
import type { Buffer, Kernel, KernelLaunch, ScheduledGraph, TableLaunch } from "../../src/ir/scheduled.js";
import { cppComment, cppIdentifier } from "../cpp-text.js";
import type { GraphSignature, ProgramFacts } from "../graph/graph-signature.js";
import { GraphWriter, indented } from "../graph/graph-writer.js";
import type { OutsideMemory } from "../graph/places.js";
import { dtypeTexts } from "../graph/rank-number.js";
import { graphField } from "../host/run-graph.js";
import { functionHeader, KernelShelf } from "../kernel/kernel-shelf.js";
import { cppElementTypes } from "../kernel/scalar-text.js";
import { render } from "../render.js";
import { kernelFunction } from "./kernel-function.js";
import { declareMaximum, maximumOfFloats } from "./reductions.js";
import { type TableFunction, tableFunction } from "./table-function.js";

/** The text of a graph's file. */
export function emitGraph(graph: ScheduledGraph, signature: GraphSignature, facts: ProgramFacts): string {
  return new CpuGraphWriter(graph, signature, facts, [], () => outsideMemory(signature)).text();
}

/** Host code and graphs share memory. */
const outsideMemory = (signature: GraphSignature): OutsideMemory => ({
  areNumbersValues: true,
  pointer: ({ home, dtype, name }: Buffer) => {
    const type = cppElementTypes[dtype];
    switch (home.kind) {
      case "batch":
        return `in.batch.field<${type}>(${signature.fieldIndex(home.field)})`;
      case "tensor":
        return `in.${graphField(home.name)}.data<${type}>()`;
      case "result":
        return `results.${graphField(home.name)}.data<${type}>()`;
      default:
        throw new Error(`${name} is a number of the host code and has no memory here`);
    }
  },
});

interface CpuKernel {
  readonly text: readonly string[];
  readonly suffixes: readonly string[];
  readonly declarations: readonly string[];
  readonly body: readonly string[];
  readonly parameters: TableFunction["parameters"];
  /** The table in front of the function. */
  readonly table: readonly string[];
}

class CpuGraphWriter extends GraphWriter {
  readonly #kernels = new KernelShelf<CpuKernel>(this.names);

  text(): string {
    const { graph, signature } = this;
    const launches = this.launches(graph.launches);
    const ends = graph.results.flatMap(({ name, buffer }) => {
      if (buffer.home.kind === "result" && buffer.home.name === name) return [];
      const bytes = `results.${graphField(name)}.numElements() * sizeof(${cppElementTypes[buffer.dtype]})`;
      const from = this.places.pointer(
        buffer,
        buffer.numElements.map(() => 0),
      );
      return [`std::memcpy(results.${graphField(name)}.data<std::byte>(), ${from}, ${bytes});`];
    });
    const results = graph.results.map(({ name, buffer }) => {
      const count = this.amounts.text(buffer.numElements, cppIdentifier(`${name}.numElements`));
      return `.${graphField(name)} = run.newTensor(${dtypeTexts[buffer.dtype]}, ${count})`;
    });
    const body = [...this.places.head, ...this.numberLines, ...launches, ...ends];
    const uses = (word: string): boolean => body.some((line) => new RegExp(`\\b${word}\\b`).test(line));
    const head = [
      ...(uses("amounts") || !this.amounts.isEmpty
        ? ["[[maybe_unused]] const Amounts& amounts = amountsByVariant[run.variant()];"]
        : []),
      ...(uses("states") ? ["std::byte* const states = run.states();"] : []),
      ...(uses("arena") ? ["std::byte* const arena = run.arena();"] : []),
      ...(results.length > 0 ? [`${signature.results} results{${results.join(", ")}};`] : []),
    ];
    const functions = this.#functions();
    const front = [
      ...(functions.some((line) => line.includes(`${maximumOfFloats} :`)) ? [declareMaximum] : []),
      ...this.amounts.declaration(this.facts.variants.map(({ shown }) => shown)),
      ...this.places.tables,
      ...this.observed.lines,
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

  protected kernel({ kernel, operands }: KernelLaunch): readonly string[] {
    const isValue = operands.map(({ place }) => this.places.isValue(place));
    const { names, made } = this.#kernels.share(kernel, (anonymous) => {
      const { parameters, declarations, body } = kernelFunction(anonymous, isValue, this.amounts);
      return { text: [...declarations, ...body], suffixes: [""], table: [], parameters, declarations, body };
    });
    return this.#callOf(names[0]!, made, kernel, operands);
  }

  protected table(launch: TableLaunch): readonly string[] {
    const { kernel, rows } = launch;
    const { names, made } = this.#kernels.keep(kernel, (name) => {
      const { table, parameters, declarations, body } = tableFunction(launch, name, this.amounts, this.names);
      return { text: [...table, ...declarations, ...body], suffixes: [""], table, parameters, declarations, body };
    });
    return this.#callOf(names[0]!, made, kernel, rows[0]!.operands);
  }

  #callOf(
    name: string,
    { parameters }: CpuKernel,
    kernel: Kernel,
    operands: KernelLaunch["operands"],
  ): readonly string[] {
    const values: string[] = [];
    const argument = (parameter: TableFunction["parameters"][number]): string => {
      switch (parameter.kind) {
        case "values": {
          const array = this.names.declare(`${name}.${parameter.name}`);
          const list = parameter.values.map((place) => this.places.value(place)).join(", ");
          values.push(`const ${parameter.type} ${array}[] = {${list}};`);
          return array;
        }
        case "rows":
          return `dream::spanOf(${parameter.table})`;
        case "variant":
          return "run.variant()";
        case "chunks":
          return this.amounts.text(parameter.count, cppIdentifier(`${name}.numChunks`));
        case "area":
          return parameter.area;
        case "operand": {
          const { place, offset } = operands[parameter.operand]!;
          return parameter.isValue ? this.places.value(place) : this.places.pointer(place, offset);
        }
        default:
          return this.argument(parameter, kernel);
      }
    };
    const args = parameters.map(argument);
    return [...values, `${name}(${args.join(", ")});`];
  }

  #functions(): readonly string[] {
    return this.#kernels.shelved().flatMap(({ names, kernel, made, named }) => {
      const ops = [...new Set(kernel.from.map(({ op }) => op))].join(", ");
      return [
        ...made.table,
        ...(ops === "" || ops === names[0] ? [] : [cppComment(ops)]),
        ...functionHeader(`static void ${names[0]}(`, made.declarations.map(named), ") {"),
        ...indented(made.body.map(named)),
        "}",
        "",
      ];
    });
  }
}
