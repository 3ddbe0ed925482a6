// What the records of attention have in common: types, cost, and the groups and operands of their calls.
import { isFloat } from "../ir/tensor-type.js";
import { type CallOperand, OperandError } from "./op.js";

export const groups = { batch: ["b"], group: ["g"], share: ["r"], query: ["t"], key: ["s"], feature: ["d"] };
export const queryGroups = ["batch", "group", "share", "query", "feature"];
export const keyGroups = ["batch", "group", "key", "feature"];
export const lseGroups = ["batch", "group", "share", "query"];
export const operand = (name: string, role: "input" | "output", index: number, of: readonly string[]): CallOperand => ({
  name,
  role,
  index,
  groups: of,
  unit: of.includes("feature") ? ["feature"] : [],
});

export const checkFloats = (name: string, dtypes: readonly string[]): void => {
  if (dtypes.some((dtype) => dtype !== dtypes[0]) || !isFloat(dtypes[0] as "f32"))
    throw new OperandError(`${name} takes floats of one type, not ${dtypes.join(" and ")}`);
};
export const flopsOf = (q: readonly number[], k: readonly number[], isCausal: boolean, numProducts: number): number =>
  (2 * numProducts * q[0]! * q[1]! * q[2]! * k[2]! * q[3]!) / (isCausal ? 2 : 1);
