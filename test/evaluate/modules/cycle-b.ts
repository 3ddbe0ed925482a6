import { fromA, valueA } from "./cycle-a.js";
import note from "./log.js";

note("b");
export const fromB = (): string => "b";
export function lateB(): string {
  return "late b";
}
export const useA = (): string => `${fromA()} ${valueA}`;
