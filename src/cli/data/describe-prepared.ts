// What people see of `dreamc data prepare`: a line of progress on a terminal, and a summary.
import type { Invocation } from "../invocation.js";
import type { Prepared } from "./prepare-tokens.js";

const numPassedOverShown = 5;

/** On a terminal, how much of the text is done, in one line that is cleared at the end. */
export function progressLine({ error, isWatched }: Invocation): (doneBytes: number, totalBytes: number) => void {
  let shown = -1;
  return (doneBytes, totalBytes) => {
    const percent = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
    if (!isWatched || percent === shown) return;
    shown = percent;
    error(percent === 100 ? "\r\x1b[K" : `\r\x1b[K${percent} % of ${megabytes(totalBytes)}`);
  };
}

export function describePrepared({ manifest, numDocuments, textBytes, passedOver }: Prepared, folder: string): string {
  const { train, validation } = manifest.splits;
  const lines = [
    `${count(numDocuments, "document")}, ${megabytes(textBytes)} of text, tokenizer ${manifest.tokenizer} ` +
      `(${manifest.vocabSize.toLocaleString("en")} tokens)`,
    `  train       ${train.numTokens.toLocaleString("en").padStart(15)} tokens`,
    `  validation  ${validation.numTokens.toLocaleString("en").padStart(15)} tokens`,
    `written to ${folder}`,
  ];
  if (passedOver.length > 0) {
    const more = passedOver.length - numPassedOverShown;
    lines.push(`passed over ${count(passedOver.length, "file")} that hold no text:`);
    lines.push(...passedOver.slice(0, numPassedOverShown).map((path) => `  ${path}`));
    if (more > 0) lines.push(`  and ${more.toLocaleString("en")} more`);
  }
  return `${lines.join("\n")}\n`;
}

const count = (n: number, noun: string): string => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

const megabytes = (numBytes: number): string =>
  numBytes < 1e6 ? `${(numBytes / 1e3).toFixed(1)} kB` : `${(numBytes / 1e6).toFixed(1)} MB`;
