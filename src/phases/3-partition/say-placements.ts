// Purpose: what the user prints of placements becomes text. Needs: the plan of states and batches. Leaves: host code without
// questions. Example: `rankZeroPrint(weight.placements)` under FSDP prints `Shard(0)`.
import type { HostBlock, HostExpression } from "../../ir/host.js";
import { withOperands, withParts } from "../../ir/host-parts.js";
import { type Axis, type Placement, whereIs } from "../../ir/placement.js";
import type { PlacementPlan } from "../../ir/program.js";

export function sayPlacements(block: HostBlock, plan: PlacementPlan): HostBlock {
  const said = (expression: HostExpression): HostExpression => {
    if (expression.kind !== "placement") return withOperands(expression, said);
    const { of, axis } = expression;
    const placement = "field" in of ? plan.batch.get(of.field) : plan.states.get(of)?.rest;
    if (!placement) throw new Error(`the plan has no placement for ${"field" in of ? of.field : of.name}`);
    return { kind: "literal", value: placementText(placement, axis) };
  };
  return block.map((statement) =>
    withParts(statement, {
      expression: said,
      variable: (variable) => variable,
      block: (inner) => sayPlacements(inner, plan),
    }),
  );
}

/** By PyTorch's names. */
function placementText(placement: Placement, axis: Axis): string {
  const at = whereIs(axis, placement);
  return at === "partial" ? "Partial()" : at === null ? "Replicate()" : `Shard(${at})`;
}
