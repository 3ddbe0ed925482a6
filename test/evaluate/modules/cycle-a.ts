import { fromB, lateB } from "./cycle-b.js";
import note from "./log.js";

note("a");
export const valueA = `A sees ${lateB()}`;
export function fromA(): string {
  return `a+${fromB()}`;
}
