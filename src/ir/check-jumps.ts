// Whether every jump of host code leads somewhere: a `break` or `continue` to a loop around it, a `leave` to a part around it.
import type { HostBlock, HostStatement } from "./host.js";
import { blocksOf } from "./host-parts.js";

export type HostJump = Extract<HostStatement, { kind: "break" | "continue" | "leave" }>;

/** Jumps to a label that no loop or part around them has. */
export function strayJumps(block: HostBlock, around: readonly string[] = []): readonly HostJump[] {
  return block.flatMap((statement): readonly HostJump[] => {
    switch (statement.kind) {
      case "break":
      case "continue":
        return around.includes(`while ${statement.label}`) ? [] : [statement];
      case "leave":
        return around.includes(`scope ${statement.label}`) ? [] : [statement];
      case "while":
      case "scope":
        return strayJumps(statement.body, [...around, `${statement.kind} ${statement.label}`]);
      default:
        return blocksOf(statement).flatMap((inner) => strayJumps(inner, around));
    }
  });
}
