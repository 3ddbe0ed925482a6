// Modules: cycles, live bindings, renamed, default, namespace and type-only exports, the order of evaluation.
import { again, bump, counter, Default, fromB, Kind, type Shape, shapes, useA } from "./barrel.js";
import * as a from "./cycle-a.js";
import { fromA, valueA as renamedA } from "./cycle-a.js";
import { log } from "./log.js";

const before = counter;
bump();
bump();
const square: Shape = new Default();
export const result = {
  log: [...log],
  counters: [before, counter, shapes.counter],
  names: [again, Default.name, Kind[1], Kind.Round],
  calls: [fromA(), fromB(), useA(), renamedA, a.fromA()],
  keys: Object.keys(a).sort(),
  same: [a.fromA === fromA, shapes.Square === Object.getPrototypeOf(Default)],
  sides: square.sides,
};
