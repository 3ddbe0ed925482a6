// Values handed to whoever observes the program (`--dump-gradients`): neighbours in a graph become one table and a loop.
import type { Buffer, ObserveLaunch } from "../../src/ir/scheduled.js";
import { numBytesOf } from "../../src/ir/tensor-type.js";
import { type CppNames, cppInteger, cppString } from "../cpp-text.js";
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
    return this.#lines.length === 0 ? [] : [...rowType, ...this.#arrays.lines, ...this.#lines];
  }

  /** The statement that observes some values in order. */
  write(launches: readonly ObserveLaunch[]): readonly string[] {
    const table = this.names.declare("observed");
    const variants = Array.from({ length: this.numVariants }, (_, variant) => variant);
    const rows = variants.map((variant) => launches.map((launch) => this.#row(launch, variant)));
    const isSame = rows.every((row) => String(row) === String(rows[0]));
    if (isSame) this.#lines.push(`constexpr Observed ${table}[] = {`, ...rows[0]!.map((row) => `    ${row}`), "};");
    else {
      this.#lines.push(
        `constexpr Observed ${table}[][${launches.length}] = {`,
        ...rows.flatMap((row) => ["    {", ...row.map((each) => `        ${each}`), "    },"]),
        "};",
      );
    }
    return [
      "if (run.isObserving()) {",
      `  for (const Observed& each : ${table}${isSame ? "" : "[run.variant()]"}) {`,
      "    dream::Run::Observed value = each.value;",
      "    value.data = (each.isState ? states : arena) + each.place;",
      "    run.observe(value);",
      "  }",
      "}",
    ];
  }

  #row({ label, view, shape, placement, dtype }: ObserveLaunch, variant: number): string {
    if (view.place.kind !== "buffer") throw new Error(`${label} is observed in a loop`);
    if (Object.keys(placement.partial).length > 0) throw new Error(`${label} is observed before it is reduced`);
    const { home } = view.place as Buffer;
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
      this.#arrays.numbers(
        "strides",
        view.strides.map((stride) => stride[variant]!),
      ),
      this.#arrays.splits(placement.dims),
    ];
    return `{{${value.join(", ")}}, ${home.kind === "state"}, ${cppInteger(bytes[variant]!)}},`;
  }
}

const rowType = [
  "/** A value to observe and where it is: an area of memory and a place in it, in bytes. */",
  "struct Observed {",
  "  dream::Run::Observed value;",
  "  bool isState;",
  "  std::int64_t place;",
  "};",
];
