// Tokenizers by name: text to token numbers and back. Documents are parted by a token of the tokenizer's own.

export interface Tokenizer {
  readonly name: string;
  /** Every token is under it. */
  readonly vocabSize: number;
  readonly endOfDocument: number;
  encode(text: string): readonly number[] | Uint8Array;
  decode(tokens: Iterable<number>): string;
}

export const tokenizerNames = ["gpt2", "bytes"] as const;
export type TokenizerName = (typeof tokenizerNames)[number];

/** Loads a tokenizer; the vocabulary of `gpt2` takes a tenth of a second. */
export async function loadTokenizer(name: TokenizerName): Promise<Tokenizer> {
  return name === "bytes" ? bytes : await gpt2();
}

/** One token a byte of UTF-8. A zero byte, which no text holds, ends a document. */
const bytes: Tokenizer = {
  name: "bytes",
  vocabSize: 256,
  endOfDocument: 0,
  encode: (text) => Buffer.from(text, "utf8"),
  decode: (tokens) => Buffer.from([...tokens]).toString("utf8"),
};

async function gpt2(): Promise<Tokenizer> {
  const { encode, decode } = await import("gpt-tokenizer/encoding/gpt2");
  // What looks like a special token in a text is text.
  const asText = { disallowedSpecial: new Set<string>() };
  return {
    name: "gpt2",
    vocabSize: 50257,
    endOfDocument: 50256,
    encode: (text) => encode(text, asText),
    decode,
  };
}
