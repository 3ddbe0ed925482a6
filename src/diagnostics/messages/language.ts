// What can be wrong with the TypeScript itself: names, and what the language leaves out.
import { type Said, say, suggestion } from "./say.js";

/** What is not supported, and what to write instead. */
export const constructs = {
  bigint: ["bigint", "use a number"],
  "regular-expression": ["a regular expression", "use string methods such as includes, startsWith and split"],
  await: ["await", "programs of dreamc run step by step; call the function directly"],
  "async-function": ["an async function", "write it without async: programs of dreamc run step by step"],
  "for-await": ["for await", "use for … of"],
  "import-meta": ["import.meta", "name files in the config"],
  decorator: ["a decorator", "call a function on the class instead"],
  var: ["var", "use let or const"],
  arguments: ["`arguments`", "use rest parameters"],
  "finally-behind-exit": [
    "finally behind an exit that only the running program takes",
    "leave the block in one way that is known when the program is built",
  ],
  "throw-in-try": [
    "an error under a run-time condition inside of try",
    "test for what goes wrong with if, outside of try",
  ],
  "switch-on-run-time-value": ["switch on a run-time value", "use if … else if"],
  "place-of-yield": ["a yield at this place", "write it as a statement of its own, or assign its value to a variable"],
  "generator-in-control": [
    "a generator that goes on or ends by what only the running program knows",
    "return a list, or decide where the generator is used",
  ],
  "unnamed-default-export": ["a default export without a name", "give it a name"],
  proto: ["__proto__", "use extends"],
  "property-of-plain-value": ["a property on a plain value", "use an object"],
} as const satisfies { readonly [construct: string]: readonly [what: string, help: string] };

export const languageMessages = {
  "not-supported": (what: string, help: string | null = null): Said => say(`${what} is not supported`, help),
  "unknown-name": (name: string, near: string | null) => say(`there is no ${name} here`, suggestion(near)),
  "unknown-export": (name: string, near: string | null) => say(`the module exports no ${name}`, suggestion(near)),
  "unknown-member": (holder: string, name: string, near: string | null) =>
    say(`${holder} has no ${name}`, suggestion(near)),
  "not-a-class": (text: string) => say(`${text} is not a class`, "extend a class, or what a mixin gives"),
  "abstract-class": (name: string) => say(`${name} is abstract`, "make an object of a class that extends it"),
  "endless-at-build-time": (what: string) =>
    say(
      `${what} does not end while the program is built`,
      "give it an end that does not depend on the running program",
    ),
  "recursion-too-deep": () => say("calls are nested too deeply", "does this recursion end?"),
  "not-iterable": () =>
    say("a value of the running program cannot be iterated", "iterate over a list, or loop with an index"),
} as const;
