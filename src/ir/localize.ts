// An op's attributes as one rank sees them: where a letter is split, offsets move and sizes shrink.
import type { Op } from "../ops/op.js";
import type { Choice } from "./graph.js";
import { type Span, spanOf } from "./local-size.js";
import { letterSplit } from "./local-typing.js";
import type { Coordinates, Degrees } from "./mesh.js";
import type { StepLetters } from "./step-letters.js";
import { turnedCoordinates } from "./turn.js";

/** What one rank has of a letter. */
export const letterSpan = (
  letter: string,
  letters: StepLetters,
  choice: Choice,
  degrees: Degrees,
  at: Coordinates,
): Span => {
  const around = choice.turn?.letter === letter ? choice.turn : undefined;
  return spanOf(
    letters.sizes.get(letter)!,
    letterSplit(choice, letter),
    degrees,
    turnedCoordinates(at, around, degrees),
  );
};

/** The attributes for the rank at these coordinates. Throws an `Error` where the record names no number. */
export const localAttributes = <A>(
  op: Op<A>,
  attrs: A,
  letters: StepLetters,
  choice: Choice,
  degrees: Degrees,
  at: Coordinates,
): A =>
  attributesWhere(op, attrs, (letter) =>
    choice.letters.has(letter) ? letterSpan(letter, letters, choice, degrees, at) : null,
  );

/** The attributes for who has only a span of some letters; null: all of it. */
export function attributesWhere<A>(op: Op<A>, attrs: A, spanOfLetter: (letter: string) => Span | null): A {
  let local: unknown = attrs;
  for (const { path, letter, take } of op.localize(attrs)) {
    const span = spanOfLetter(letter);
    if (span === null) continue;
    local = changed(local, path.split("."), (old) => (take === "start" ? old + span.start : span[take]));
  }
  return local as A;
}

function changed(tree: unknown, [key, ...rest]: readonly string[], change: (old: number) => number): unknown {
  if (key === undefined) {
    if (typeof tree !== "number") throw new Error("a localized attribute is not a number");
    return change(tree);
  }
  const old = tree as { readonly [key: string]: unknown };
  if (Array.isArray(tree)) return tree.map((item, i) => (String(i) === key ? changed(item, rest, change) : item));
  return { ...old, [key]: changed(old[key], rest, change) };
}
