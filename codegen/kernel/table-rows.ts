// The table of a kernel over many tensors: for each row where its operands lie, and the first of its chunks.
import type { Amount, Buffer, Kernel, Place, TableLaunch } from "../../src/ir/scheduled.js";
import { numBytesOf } from "../../src/ir/tensor-type.js";
import { cppComment, cppInteger } from "../cpp-text.js";
import { constantOf, fixedAmount, plus, sameAmount, scaled } from "./amount.js";

/** How an operand is found: by value, by one pointer for all rows, or by a field of the row: a place, or which value. */
export type Column =
  | { readonly kind: "value" | "pointer" }
  | { readonly kind: "choice"; readonly name: string; readonly values: readonly Place[] }
  | { readonly kind: "field"; readonly name: string; readonly area: "states" | "arena" | "either" };

/** How operand `k` is found in the rows of a table; `name` is its own. */
export function columnOf({ kernel, rows }: TableLaunch, k: number, name: string): Column {
  const places = rows.map(({ operands }) => operands[k]!);
  const [first] = places as [(typeof places)[number]];
  const isSame = places.every(({ place, offset }) => place === first.place && sameAmount(offset, first.offset));
  const homes = places.map(({ place }) => homeOf(place, kernel));
  if (homes.some(({ kind }) => kind === "scalar")) {
    const values = [...new Set(places.map(({ place }) => place))];
    if (homes.some(({ kind }) => kind !== "scalar")) throw new Error(`${kernel.name} has numbers in some rows alone`);
    return values.length === 1 ? { kind: "value" } : { kind: "choice", name, values };
  }
  if (isSame && rows.length > 1) return { kind: "pointer" };
  const inState = homes.filter(({ kind }) => kind === "state").length;
  const inArena = homes.filter(({ kind }) => kind === "arena").length;
  if (inState + inArena !== homes.length) throw new Error(`${kernel.name} has rows outside of the program's memory`);
  return { kind: "field", name, area: inArena === 0 ? "states" : inState === 0 ? "arena" : "either" };
}

function homeOf(place: Place, kernel: Kernel): Buffer["home"] {
  if (place.kind !== "buffer") throw new Error(`the table of ${kernel.name} changes from round to round`);
  return place.home;
}

/** The struct and the table; a field that depends on the variant is an array. */
export interface RowTable {
  readonly lines: readonly string[];
  readonly isByVariant: boolean;
  /** How a row's field is read. */
  field(name: string): string;
}

/** The table of a launch. */
export function rowTable(
  { rows, kernel }: TableLaunch,
  columns: readonly Column[],
  firstChunks: readonly Amount[],
  type: string,
  name: string,
): RowTable {
  const fields = [
    { name: "numElements", cells: rows.map(({ size }) => size) },
    { name: "firstChunk", cells: firstChunks },
    ...columns.flatMap((column, k) => fieldsOf(column, k, rows, kernel)),
  ].map((field) => ({ ...field, isByVariant: field.cells.some((cell) => constantOf(cell) === null) }));
  const numVariants = firstChunks[0]!.length;
  const declared = fields.map((field) => (field.isByVariant ? `${field.name}[${numVariants}]` : field.name));
  const lines = [
    `/** A tensor of ${kernel.name}: its elements, the first of its chunks, and where its operands are, in bytes. */`,
    `struct ${type} {`,
    `  std::int64_t ${declared.join(", ")};`,
    "};",
    `constexpr ${type} ${name}[] = {`,
    ...rows.map(({ operands }, r) => {
      const cells = fields.map(({ cells: list, isByVariant }) => {
        const cell = list[r]!;
        return isByVariant ? `{${cell.map(cppInteger).join(", ")}}` : cppInteger(cell[0]!);
      });
      return `    {${cells.join(", ")}},  ${cppComment(rowName(operands, columns))}`;
    }),
    "};",
  ];
  const byVariant = new Set(fields.filter((field) => field.isByVariant).map((field) => field.name));
  return {
    lines,
    isByVariant: byVariant.size > 0,
    field: (wanted) => (byVariant.has(wanted) ? `${wanted}[variant]` : wanted),
  };
}

function fieldsOf(
  column: Column,
  k: number,
  rows: TableLaunch["rows"],
  kernel: Kernel,
): readonly { readonly name: string; readonly cells: readonly Amount[] }[] {
  const places = rows.map(({ operands, size }) => ({ ...operands[k]!, size }));
  switch (column.kind) {
    case "choice":
      return [
        {
          name: `${column.name}Number`,
          cells: places.map(({ place, size }) => fixedAmount(column.values.indexOf(place), size)),
        },
      ];
    case "field": {
      const homes = places.map(({ place }) => homeOf(place, kernel) as { kind: string; offset: Amount });
      const numBytes = numBytesOf[kernel.operands[k]!.dtype];
      const cells = places.map(({ offset }, r) => plus(homes[r]!.offset, scaled(offset, numBytes)));
      const isState = homes.map(({ kind }, r) => fixedAmount(kind === "state" ? 1 : 0, places[r]!.size));
      const own = { name: column.name, cells };
      return column.area === "either" ? [own, { name: `${column.name}IsState`, cells: isState }] : [own];
    }
    default:
      return [];
  }
}

/** The user's name of what a row is about. */
function rowName(operands: TableLaunch["rows"][number]["operands"], columns: readonly Column[]): string {
  const names = operands.flatMap(({ place }, k) =>
    columns[k]!.kind === "field" && place.kind === "buffer" ? [place.name] : [],
  );
  return names.toSorted((a, b) => a.length - b.length)[0] ?? "";
}
