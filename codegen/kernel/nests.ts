// Loops over letters, written one in the other, and running indices of several letters that are taken apart.
import { isAlways, largest, product } from "./amount.js";
import type { LoopLetter } from "./loop-letters.js";
import type { LoopVariable, LoopWriter } from "./loop-writer.js";

/** The name of a loop's running index. */
export const indexName = (w: LoopWriter, loop: LoopLetter, otherwise: string): string =>
  w.declareIndex(loop.letters.length === 1 ? loop.letters[0]! : otherwise);

/** Takes the running index of several letters apart. */
export function writeIndices(w: LoopWriter, item: string, variables: readonly LoopVariable[]): void {
  variables.forEach(({ name, loop }, i) => {
    const inside = variables.slice(i + 1).map((each) => each.loop.size);
    const size = product(
      inside,
      loop.size.map(() => 1),
    );
    const steps = isAlways(size, 1) ? item : `${item} / ${w.facts.amountText(size, `${name}Step`)}`;
    w.line(
      `const std::int64_t ${name} = ${i === 0 ? steps : `${steps} % ${w.facts.amountText(loop.size, `${name}Size`)}`};`,
    );
  });
}

/** Loops of one thread, nested; the last may have a line in front of it. */
export function writeNest(
  w: LoopWriter,
  loops: readonly LoopLetter[],
  pragma: string | null,
  body: () => void,
  nameOf: (loop: LoopLetter, i: number) => string = (loop, i) => indexName(w, loop, i === loops.length - 1 ? "i" : "j"),
): void {
  const write = (i: number): void => {
    if (i === loops.length) {
      body();
      return;
    }
    const name = nameOf(loops[i]!, i);
    const size = w.facts.amountText(loops[i]!.size, `${name}Size`);
    const header = `for (std::int64_t ${name} = 0; ${name} < ${size}; ++${name}) {`;
    const headers = i === loops.length - 1 && pragma !== null ? [pragma, header] : [header];
    w.block(headers, [{ name, loop: loops[i]! }], () => write(i + 1));
  };
  write(0);
}

export const numPoints = (loops: readonly LoopLetter[]): number => loops.reduce((n, { size }) => n * largest(size), 1);
