// What can be wrong with a trainer as a whole: its file, config, hooks, parameters and losses.
import { nearestName } from "../nearest-name.js";
import { listed, type Said, type Sizes, say, shown, suggestion } from "./say.js";

export const programMessages = {
  "no-such-file": (path: string) => say(`there is no file ${path}`, "name the file that holds the trainer"),
  "nothing-launched": () =>
    say("this file launches no trainer", "end it with distributedLaunch(() => new MyTrainer(config).fit())"),
  "launched-twice": (first: string) =>
    say(
      `${first} was launched before: a program is one trainer`,
      "move the class into a file of its own, and import it where it is launched",
    ),
  /** An error that the user's code (or the library on its behalf) threw. */
  thrown: (message: string): Said => say(message),
  /** One that JavaScript threw. */
  "fails-at-build-time": (message: string): Said => say(message),
  "hook-missing": (trainer: string, hook: string) =>
    say(`${trainer} lacks the hook ${hook}()`, `write ${hook}() in ${trainer}`),
  "hook-sets-no-field": (trainer: string, hook: string, what: string) =>
    say(`${hook}() of ${trainer} sets no field to ${what}`, `assign it to a field: this.model = …`),
  "config-value": (path: string, message: string) =>
    say(`config ${path}: ${message}`, "give it a value that its schema allows"),
  "config-key": (path: string, key: string, known: readonly string[]) =>
    say(
      `config ${path === "" ? "" : `${path} `}has no ${key}`,
      suggestion(nearestName(key, known)) ?? `it has ${listed(known)}`,
    ),
  "parameter-without-gradient": (name: string, optimizer: string) =>
    say(
      `${name} belongs to ${optimizer}, but no loss depends on it`,
      "use it in a loss, or do not give it to the optimizer",
    ),
  "parameter-without-optimizer": (name: string) =>
    say(
      `a loss depends on ${name}, but no optimizer owns it`,
      "give it to an optimizer, or freeze it with requiresGrad_(false)",
    ),
  "parameter-owned-twice": (name: string, first: string, second: string) =>
    say(
      `${name} is owned by ${first === second ? `${first} twice` : `${first} and ${second}`}`,
      "give each parameter to one optimizer, once",
    ),
  "parameter-not-registered": () =>
    say(
      "this parameter belongs to no module that the trainer holds",
      "make it a field of a module, and the module a field of the trainer",
    ),
  "no-gradient": (name: string) => say(`${name} has no gradient yet`, "call backward first"),
  "loss-not-scalar": (shape: Sizes) =>
    say(`a loss is one number, not a tensor of shape ${shown(shape)}`, "reduce it with mean() or sum()"),
  "loss-from-elsewhere": () =>
    say(
      "this loss was computed before a run-time branch or before a number was read",
      "call backward in the same part of the code that computes the loss",
    ),
  "memory-budget-too-small": (budget: number, least: number) =>
    say(
      `a memory budget of ${budget.toLocaleString("en")} bytes is too small: with every module recomputed that can be, a rank needs ${least.toLocaleString("en")} for what is not state`,
      "raise the budget, make the batch smaller, or spread the program over more ranks",
    ),
  "loss-without-parameters": () =>
    say("no parameter that needs a gradient reaches this loss", "compute it from the model's output"),
} as const;

/** What to do about TypeScript's own complaints, by code, where they are about tensors or trainers. */
export function typescriptHelp(code: number, message: string): string | null {
  if ([2362, 2363, 2365, 2447].includes(code) || (code === 2322 && /'Tensor'.*'number'/.test(message)))
    return /Tensor/.test(message) || code === 2362 || code === 2363
      ? "tensors have no operators: write a.add(b), a.sub(b), a.mul(b), a.div(b), a.lt(b)"
      : null;
  if (code === 2515 || code === 2654 || code === 2655 || code === 2656) return "write the hooks that it names";
  return null;
}
