// Builds host code while evaluation runs. A block may hold pieces that are filled in later: a hole gets the assignments
// that a join needs on this path, a deferred piece is made when everything is known.
import type { HostBlock, HostExpression, HostStatement, HostVariable } from "../../ir/host.js";
import type { Origin } from "../../ir/origin.js";

export class Hole {
  readonly kind = "hole";
  readonly assignments: { readonly variable: HostVariable; readonly value: HostExpression }[] = [];
  constructor(readonly origin: Origin | null) {}
}
export interface Deferred {
  readonly kind: "deferred";
  make(): readonly HostStatement[];
}
type Simple = Exclude<HostStatement, { kind: "if" | "while" | "scope" }>;
export type Item =
  | Simple
  | Hole
  | Deferred
  | { kind: "if"; condition: HostExpression; then: Item[]; otherwise: Item[]; origin: Origin | null }
  | { kind: "while"; condition: HostExpression; body: Item[]; label: string; origin: Origin | null }
  | { kind: "scope"; name: string; label: string; body: Item[]; origin: Origin | null };

export class HostBuilder {
  current: Item[] = [];
  private labels = 0;

  emit(item: Item): void {
    this.current.push(item);
  }
  /** What `body` emits, as a block of its own. */
  block(body: () => void): Item[] {
    const before = this.current;
    const inner: Item[] = [];
    this.current = inner;
    try {
      body();
    } finally {
      this.current = before;
    }
    return inner;
  }
  label(name: string): string {
    return `${name}${++this.labels}`;
  }
}

export const finishBlock = (items: readonly Item[]): HostBlock =>
  items.flatMap((item): readonly HostStatement[] => {
    switch (item.kind) {
      case "hole":
        return assignTogether(item);
      case "deferred":
        return item.make();
      case "if": {
        const [then, otherwise] = [finishBlock(item.then), finishBlock(item.otherwise)];
        return then.length + otherwise.length === 0 ? [] : [{ ...item, then, otherwise }];
      }
      case "while":
      case "scope":
        return [{ ...item, body: finishBlock(item.body) }];
      default:
        return [item];
    }
  });

/** All values are read before any variable changes. */
function assignTogether({ assignments, origin }: Hole): readonly HostStatement[] {
  const changed = new Set<HostVariable>();
  let clashes = false;
  for (const { variable, value } of assignments) {
    clashes ||= reads(value, changed);
    changed.add(variable);
  }
  const needed = assignments.filter(({ variable, value }) => !(value.kind === "read" && value.variable === variable));
  if (!clashes) return needed.map(({ variable, value }) => ({ kind: "assign", variable, value, origin }));
  const saved = needed.map(({ variable, value }) => {
    const copy: HostVariable = { name: `${variable.name}Next`, type: variable.type, kept: false, initial: null };
    return { variable, value, copy };
  });
  return [
    ...saved.map(({ copy, value }) => ({ kind: "let", variable: copy, value, origin }) as const),
    ...saved.map(
      ({ variable, copy }) => ({ kind: "assign", variable, value: { kind: "read", variable: copy }, origin }) as const,
    ),
  ];
}

export function reads(expression: HostExpression, variables: ReadonlySet<HostVariable>): boolean {
  switch (expression.kind) {
    case "read":
      return variables.has(expression.variable);
    case "item":
      return variables.has(expression.tensor);
    case "unary":
      return reads(expression.operand, variables);
    case "binary":
      return reads(expression.left, variables) || reads(expression.right, variables);
    case "conditional":
      return [expression.condition, expression.then, expression.otherwise].some((part) => reads(part, variables));
    case "math":
    case "query":
      return expression.args.some((part) => reads(part, variables));
    case "toFixed":
      return reads(expression.value, variables);
    case "character":
      return reads(expression.code, variables);
    default:
      return false;
  }
}
