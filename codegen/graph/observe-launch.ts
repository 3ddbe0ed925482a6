// Values handed to whoever observes the program (`--dump-gradients`): neighbours in a graph become one table and a loop.
import type { ObserveLaunch } from "../../src/ir/scheduled.js";
import { numBytesOf } from "../../src/ir/tensor-type.js";
import { type CppNames, cppBoolean, cppInteger, cppString } from "../cpp-text.js";
import { plus } from "../kernel/amount.js";
import { ConstantArrays } from "../program/constant-arrays.js";
import { dtypeTexts } from "./rank-number.js";

/** Constant arrays and tables in front of a graph's function. */
export class ObserveTables {
  readonly #lines: string[] = [];
  readonly #arrays: ConstantArrays;

  constructor(
    readonly names: CppNames,
    readonly numVariants: number,
  ) {
    this.#arrays = new ConstantArrays(names);
  }

  get lines(): readonly string[] {
    return this.#lines.length === 0 ? [] : [...rowType(this.numVariants), ...this.#arrays.lines, ...this.#lines];
  }

  /** The statement that observes some values in order. */
  write(launches: readonly ObserveLaunch[]): readonly string[] {
    const table = this.names.declare("observed");
    this.#lines.push(
      `constexpr Observed ${table}[] = {`,
      ...launches.map((launch) => `    ${this.#row(launch)}`),
      "};",
    );
    return [`if (run.isObserving()) observe(run, dream::spanOf(${table}));`];
  }

  #row({ label, view, shape, placement, dtype }: ObserveLaunch): string {
    if (view.place.kind !== "buffer") throw new Error(`${label} is observed in a loop`);
    if (Object.keys(placement.partial).length > 0) throw new Error(`${label} is observed before it is reduced`);
    const { home } = view.place;
    if (home.kind !== "state" && home.kind !== "arena") throw new Error(`${label} is observed outside of our memory`);
    const bytes = plus(
      home.offset,
      view.offset.map((elements) => elements * numBytesOf[dtype]),
    );
    const value = [
      cppString(label),
      dtypeTexts[dtype],
      "nullptr",
      this.#arrays.numbers("shape", shape),
      "{}",
      this.#arrays.splits(placement.dims),
    ];
    const strides = bytes.map((_, variant) =>
      this.#arrays.numbers(
        "strides",
        view.strides.map((stride) => stride[variant]!),
      ),
    );
    const isState = cppBoolean(home.kind === "state");
    return `{{${value.join(", ")}}, {${strides.join(", ")}}, ${isState}, {${bytes.map(cppInteger).join(", ")}}},`;
  }
}

const rowType = (numVariants: number): readonly string[] => [
  "/** A value to observe and where it is: its strides, an area of memory and a place in it in bytes, by variant. */",
  "struct Observed {",
  "  dream::Run::Observed value;",
  `  dream::Span<std::int64_t> strides[${numVariants}];`,
  "  bool isState;",
  `  std::int64_t place[${numVariants}];`,
  "};",
  "static void observe(dream::Run& run, dream::Span<Observed> values) {",
  "  for (const Observed& each : values) {",
  "    dream::Run::Observed value = each.value;",
  "    value.data = (each.isState ? run.states() : run.arena()) + each.place[run.variant()];",
  "    value.strides = each.strides[run.variant()];",
  "    run.observe(value);",
  "  }",
  "}",
];
