// Paths of modules, as hooks name them and as steps carry them: `model.blocks.*.attn`. A star stands for the place of a
// list in a repeat, whose body is written once for all of them; where a loop was not rolled up the place is a number. A
// number in a path means every round of a repeat: rounds of one body cannot be told apart.
import type { Step } from "./graph.js";

const matches = (part: string, other: string | undefined): boolean =>
  part === other || (other !== undefined && (isPlace(part) ? other === "*" : part === "*" && isPlace(other)));

const isPlace = (part: string): boolean => /^\d+$/.test(part);

/** Whether something at `scope` belongs to the module, or to a module inside it. */
export function isInModule(scope: string, path: string): boolean {
  const parts = scope.split(".");
  return path.split(".").every((part, i) => matches(part, parts[i]));
}

export const pathLength = (path: string): number => (path === "" ? 0 : path.split(".").length);

/** How many parts all scopes of these steps and of their bodies share: what the rounds of a repeat have in common. */
export function commonLength(steps: readonly Step[]): number {
  let common: readonly string[] | null = null;
  for (const scope of scopesOf(steps)) {
    const parts = scope === "" ? [] : scope.split(".");
    if (common === null) common = parts;
    const differs = common.findIndex((part, i) => part !== parts[i]);
    if (differs >= 0) common = common.slice(0, differs);
  }
  return common?.length ?? 0;
}

/** The scopes of all ops, those of bodies included. A repeat itself is where its rounds are. */
export function* scopesOf(steps: readonly Step[]): Generator<string> {
  for (const step of steps) {
    if (step.kind === "repeat") yield* scopesOf(step.body);
    else yield step.scope;
  }
}
