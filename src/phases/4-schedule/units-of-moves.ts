// FSDP's units: which moves of a local graph bring parameters of one unit together, or the gradients of one. A unit is what
// the layout says or, by default, a repeated module; what is in none is the root's. In a repeat a unit is that of a round.
import type { LocalGraph, LocalValue, MoveStep, Step } from "../../ir/graph.js";
import type { ShardUnit } from "../../ir/layout.js";
import type { State } from "../../ir/state.js";

/** By move, the path of its unit: `model.blocks.*` in a repeat. */
export type UnitsOfMoves = ReadonlyMap<Step<"local">, string>;

export function unitsOfMoves(graph: LocalGraph, shardUnits: readonly ShardUnit[] | null): UnitsOfMoves {
  const units = new Map<Step<"local">, string>();
  /** By id of a value that is a parameter, or made of one alone. */
  const known = new Map<number, string>();
  const unitOf = (state: State): string | null => {
    if (shardUnits === null) return "";
    const unit = shardUnits.find(({ states }) => states.includes(state));
    return unit ? pathOf(state, unit.path) : null;
  };
  const states = new Map<number, State>();
  const learn = ({ id }: LocalValue, unit: string | null | undefined): void => {
    if (unit !== null && unit !== undefined) known.set(id, unit);
  };
  for (const { value, source } of graph.inputs)
    if (source.kind === "state" && source.state.kind === "parameter") {
      states.set(value.id, source.state);
      learn(value, unitOf(source.state));
    }
  const walk = (steps: readonly Step<"local">[]): void => {
    for (const step of steps) {
      if (step.kind === "repeat") {
        for (const { outer, inner } of step.shared) learn(inner, known.get(outer.id));
        for (const { items, each } of step.stacked) {
          const names = items.map(({ id }) => states.get(id)?.name);
          if (!items.every(({ id }) => known.has(id))) continue;
          const isByRepeat = shardUnits === null && names.every((name) => name !== undefined);
          learn(each, isByRepeat ? repeatedPath(names) : known.get(items[0]!.id));
        }
        walk(step.body);
        for (const { each, items } of step.collected) for (const item of items) learn(item, known.get(each.id));
        continue;
      }
      const [first, ...others] = step.inputs;
      const unit = first === undefined ? undefined : known.get(first.id);
      if (others.length === 0 && step.outputs.length === 1) learn(step.outputs[0]!, unit);
      if (step.kind === "move") {
        const own = unit ?? unitOfGradient(step, known);
        if (own !== undefined) units.set(step, own);
      }
    }
  };
  walk(graph.steps);
  return units;
}

const unitOfGradient = ({ inputs: [{ gradientOf }] }: MoveStep, known: ReadonlyMap<number, string>) =>
  gradientOf === null ? undefined : known.get(gradientOf);

/** As many parts of the state's name as the path has: `model.blocks.3` for `model.blocks.*`. */
const pathOf = ({ name }: State, path: string): string =>
  path === "" ? "" : name.split(".").slice(0, path.split(".").length).join(".");

/** `model.blocks.*` for what is called `model.blocks.0.norm.weight`, `model.blocks.1.norm.weight` and so on. */
function repeatedPath(names: readonly string[]): string {
  const [first, ...others] = names.map((name) => name.split("."));
  const differs = first!.findIndex((part, i) => others.some((other) => other[i] !== part));
  return [...first!.slice(0, differs < 0 ? first!.length - 1 : differs), "*"].join(".");
}
