// How large a model is, from the shapes of its parameters alone.
import type { Program } from "./program.js";
import { numElements } from "./tensor-type.js";

/** Elements of all parameters; a tied parameter counts once. */
export const countParameters = ({ states }: Pick<Program, "states">): number =>
  states.filter(({ kind }) => kind === "parameter").reduce((n, { type }) => n + numElements(type.shape), 0);
