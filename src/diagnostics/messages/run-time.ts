// What can be wrong with values that only the running program knows.
import { say } from "./say.js";

export const runTimeMessages = {
  "run-time-value": () =>
    say(
      "this needs a value that is known when the program is built, but only the running program knows it",
      "compute it from the config, or use operators and Math on it",
    ),
  "run-time-operator": (operator: string, left: string, right: string) =>
    say(
      `${operator} is not possible between a ${left} and a ${right} of the running program`,
      "convert one of them with Number(…) or String(…)",
    ),
  "run-time-type-changes": (name: string, type: string, given: string) =>
    say(`${name} is a ${type} of the running program and cannot become ${given}`, "keep one type in it from the start"),
  "list-grows-at-run-time": () =>
    say(
      "a list, map or set changes under a condition or in a loop that only the running program decides",
      "keep numbers or tensors in variables instead",
    ),
  "differs-between-paths": (name: string) =>
    say(
      `${name} is of different kinds on the paths that lead here, which only the running program chooses`,
      "give it a value of one type before the condition or loop",
    ),
  "never-returns": () => say("no path through this call ends", "let one path return"),
} as const;
