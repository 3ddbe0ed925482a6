// A text file in pieces that can be tokenized one by one: cut behind a single line break between words or, where lines
// are too long for that, before a single space. GPT-2's tokenizer never joins what is before and after, and white space
// at a text's end is not more than one character, which it would treat otherwise than within a text.
import { createReadStream } from "node:fs";

const usualPieceBytes = 8 * 1024 * 1024;

/** The bytes are no UTF-8 text. */
export class NotText extends Error {
  override readonly name = "NotText";
}

/** Throws NotText at a byte sequence that is not UTF-8, or at a zero byte. */
export async function* readText(path: string, pieceBytes = usualPieceBytes): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for await (const chunk of createReadStream(path, { highWaterMark: pieceBytes })) {
    rest += decode(decoder, chunk, path);
    const cut = lastCut(rest);
    if (cut > 0) {
      yield rest.slice(0, cut);
      rest = rest.slice(cut);
    }
  }
  rest += decode(decoder, null, path);
  if (rest !== "") yield rest;
}

function decode(decoder: InstanceType<typeof TextDecoder>, chunk: Buffer | null, path: string): string {
  let text: string;
  try {
    text = chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch {
    throw new NotText(`${path} is not UTF-8 text`);
  }
  if (text.includes("\0")) throw new NotText(`${path} holds zero bytes`);
  return text;
}

/** 0 if there is no place to cut. */
function lastCut(text: string): number {
  return lastAlone("\n", text) + 1 || Math.max(0, lastAlone(" ", text));
}

/** The last place of `character` that has no white space on either side; -1: there is none. */
function lastAlone(character: string, text: string): number {
  for (let at = text.lastIndexOf(character, text.length - 2); at > 0; at = text.lastIndexOf(character, at - 1))
    if (/\S/.test(text[at - 1]!) && /\S/.test(text[at + 1]!)) return at;
  return -1;
}
