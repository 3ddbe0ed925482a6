// `dreamc data prepare`: what is in the files, that text comes back, and that bad input leaves nothing behind.
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readText } from "../../src/cli/data/read-text.js";
import { loadTokenizer, type TokenizerName } from "../../src/cli/data/tokenizers.js";
import { runDreamc } from "./command-line.js";
import { temporaryFolder } from "./temporary-folder.js";

const folder = temporaryFolder();
let numFolders = 0;
const newFolder = (): string => {
  const path = join(folder, `case-${numFolders++}`);
  mkdirSync(path);
  return path;
};
const write = (path: string, text: string | Uint8Array): string => {
  writeFileSync(path, text);
  return path;
};
const linesOf = (name: string, n: number): string =>
  Array.from({ length: n }, (_, i) => `${name} line ${i}: the quick brown fox\n`).join("");

interface TokenFile {
  readonly numTokens: number;
  readonly tokens: readonly number[];
}
function readTokens(path: string): TokenFile {
  const bytes = readFileSync(path);
  expect(bytes.subarray(0, 8).toString("latin1")).toBe("DREAMTOK");
  expect(bytes.readUInt32LE(8)).toBe(1);
  expect(bytes.readUInt32LE(12)).toBe(2);
  const numTokens = Number(bytes.readBigUInt64LE(16));
  expect(bytes.length).toBe(64 + 2 * numTokens);
  return { numTokens, tokens: Array.from({ length: numTokens }, (_, i) => bytes.readUInt16LE(64 + 2 * i)) };
}

async function prepare(
  out: string,
  tokenizer: TokenizerName,
  ...files: readonly string[]
): Promise<{ readonly train: TokenFile; readonly validation: TokenFile; readonly printed: string }> {
  const {
    exitCode,
    out: printed,
    error,
  } = await runDreamc(...["data", "prepare", ...files, "--tokenizer", tokenizer, "-o", out]);
  expect(error).toBe("");
  expect(exitCode).toBe(0);
  expect(readdirSync(out).sort()).toEqual(["manifest.json", "train.bin", "validation.bin"]);
  const manifest = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"));
  const train = readTokens(join(out, "train.bin"));
  const validation = readTokens(join(out, "validation.bin"));
  expect(manifest.splits.train).toEqual({ file: "train.bin", numTokens: train.numTokens });
  expect(manifest.splits.validation).toEqual({ file: "validation.bin", numTokens: validation.numTokens });
  return { train, validation, printed };
}

describe("what is written", () => {
  test.each(["bytes", "gpt2"] as const)("%s: the text comes back, the last tenth is for validation", async (name) => {
    const at = newFolder();
    const text = linesOf("ünïcode €", 400);
    const { train, validation } = await prepare(join(at, "out"), name, write(join(at, "a.txt"), text));
    const tokenizer = await loadTokenizer(name);
    const tokens = [...train.tokens, ...validation.tokens];
    expect(tokens.at(-1)).toBe(tokenizer.endOfDocument);
    expect(tokenizer.decode(tokens.slice(0, -1))).toBe(text);
    const share = validation.numTokens / tokens.length;
    expect(share > 0.08 && share < 0.12).toBe(true);
  });

  test("folders, patterns and files name each file once; binary files in them are passed over", async () => {
    const at = newFolder();
    mkdirSync(join(at, "texts", "deep"), { recursive: true });
    const one = write(join(at, "texts", "one.md"), linesOf("one", 5));
    write(join(at, "texts", "deep", "two.md"), linesOf("two", 5));
    write(join(at, "texts", "deep", "three.txt"), linesOf("three", 5));
    write(join(at, "texts", "picture.png"), Buffer.from([0x89, 0x50, 0, 0xff]));
    symlinkSync(one, join(at, "texts", "link.md"));
    symlinkSync(join(at, "nowhere"), join(at, "texts", "broken.md"));
    const whole = await prepare(join(at, "all"), "bytes", join(at, "texts"), one, join(at, "texts", "**", "*.md"));
    expect(whole.printed).toContain("4 documents");
    expect(whole.printed).toContain("passed over 1 file");
    expect(whole.printed).toContain("picture.png");
    const some = await prepare(join(at, "some"), "bytes", join(at, "texts", "*", "t*.md"));
    expect(some.printed).toContain("1 document,");
    expect(some.train.numTokens + some.validation.numTokens).toBe(linesOf("two", 5).length + 1);
  });

  test("where the text lies does not matter, only its place in its folder", async () => {
    const [first, second] = [newFolder(), newFolder()];
    for (const at of [first, second]) {
      mkdirSync(join(at, "in"));
      for (const name of ["a", "b", "c", "d"]) write(join(at, "in", name), linesOf(name, 20));
    }
    const a = await prepare(join(first, "out"), "bytes", join(first, "in"));
    const b = await prepare(join(second, "out"), "bytes", join(second, "in"));
    expect(a.train.tokens).toEqual(b.train.tokens);
    expect(a.validation.tokens).toEqual(b.validation.tokens);
  });

  test("a second run replaces the first, and --json prints the manifest", async () => {
    const at = newFolder();
    const file = write(join(at, "a.txt"), linesOf("a", 50));
    await prepare(join(at, "out"), "gpt2", file);
    await prepare(join(at, "out"), "bytes", file);
    const { out } = await runDreamc("data", "prepare", file, "-t", "bytes", "-o", join(at, "out"), "--json");
    expect(JSON.parse(out)).toEqual(JSON.parse(readFileSync(join(at, "out", "manifest.json"), "utf8")));
  });

  test("text without a line's end is parted between words", async () => {
    const at = newFolder();
    const text = "word ".repeat(1000).trim();
    const { validation } = await prepare(join(at, "out"), "bytes", write(join(at, "a.txt"), text));
    expect(validation.numTokens).toBe(499 + 1);
  });
});

test("pieces of a text have the tokens of the whole text", async () => {
  const at = newFolder();
  const tokenizer = await loadTokenizer("gpt2");
  const part = fc.constantFrom("word", " ", "\n", "\n\n", "  ", "don't", "42", "€", "\t", "...", "\r\n", "日本");
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 60 }), fc.integer({ min: 1, max: 40 }), async (parts, numBytes) => {
      const text = parts.join("");
      const path = write(join(at, "text"), text);
      const tokens: number[] = [];
      const pieces: string[] = [];
      for await (const piece of readText(path, numBytes)) {
        pieces.push(piece);
        tokens.push(...tokenizer.encode(piece));
      }
      expect(pieces.join("")).toBe(text);
      expect(tokens).toEqual([...tokenizer.encode(text)]);
    }),
    { numRuns: 200 },
  );
});

describe("bad input", () => {
  async function refused(args: readonly string[], says: string, at: string): Promise<void> {
    const before = readdirSync(at).sort();
    const { exitCode, out, error } = await runDreamc("data", "prepare", ...args);
    expect(error).toContain(says);
    expect(error).not.toContain("    at ");
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
    expect(readdirSync(at).sort()).toEqual(before);
  }
  const bytes = (...rest: readonly string[]): readonly string[] => [...rest, "--tokenizer", "bytes"];

  test("a file that is not there", async () => {
    const at = newFolder();
    await refused(bytes(join(at, "no.txt"), "-o", join(at, "out")), "there is no file or folder", at);
    await refused(bytes(join(at, "*.txt"), "-o", join(at, "out")), "no file matches", at);
  });
  test("a named file that is no text", async () => {
    const at = newFolder();
    const good = write(join(at, "good.txt"), linesOf("good", 3));
    const zeros = write(join(at, "zeros.bin"), Buffer.from("text\0more"));
    const latin = write(join(at, "latin1.txt"), Buffer.from("caf\xe9 au lait", "latin1"));
    await refused(bytes(good, zeros, "-o", join(at, "out")), "zeros.bin holds zero bytes", at);
    await refused(bytes(good, latin, "-o", join(at, "out")), "latin1.txt is not UTF-8 text", at);
  });
  test("nothing but empty or binary files", async () => {
    const at = newFolder();
    mkdirSync(join(at, "in"));
    write(join(at, "in", "empty.txt"), "");
    write(join(at, "in", "zeros"), Buffer.alloc(10));
    await refused(bytes(join(at, "in"), "-o", join(at, "out")), "there is no text in these files", at);
  });
  test("a folder of something else is not overwritten", async () => {
    const at = newFolder();
    const file = write(join(at, "a.txt"), linesOf("a", 3));
    mkdirSync(join(at, "mine"));
    write(join(at, "mine", "thesis.tex"), "years of work");
    await refused(bytes(file, "-o", join(at, "mine")), "holds other things", at);
    await refused(bytes(file, "-o", file), "a.txt is a file", at);
    expect(readFileSync(join(at, "mine", "thesis.tex"), "utf8")).toBe("years of work");
    await prepare(join(at, "tokens"), "bytes", file);
    write(join(at, "tokens", "notes.txt"), "mine too");
    await refused(bytes(file, "-o", join(at, "tokens")), "holds other things", at);
  });
  test("a place that cannot be written", async () => {
    const at = newFolder();
    const file = write(join(at, "a.txt"), linesOf("a", 3));
    await refused(bytes(file, "-o", join(file, "out")), "cannot write to", at);
    await refused(bytes(file, "-o", "/proc/nothing/out"), "cannot write to /proc/nothing/out", at);
  });
  test("wrong options", async () => {
    const at = newFolder();
    const file = write(join(at, "a.txt"), linesOf("a", 3));
    await refused([file, "-o", join(at, "out")], "no tokenizer is named", at);
    await refused(bytes(file), "no output folder is named", at);
    await refused(bytes("-o", join(at, "out")), "missing required argument 'files'", at);
    await refused([file, "-t", "gpt3", "-o", join(at, "out")], "Allowed choices are gpt2, bytes", at);
    await refused([file, "-t", "gpt2", "--validation-share", "1", "-o", join(at, "out")], "from 0 to under 1", at);
    await refused([file, "--tokeniser", "gpt2", "-o", join(at, "out")], "did you mean --tokenizer?", at);
  });
});
