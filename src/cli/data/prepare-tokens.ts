// Text files to a token folder: documents in an order that depends on their paths alone, the last share of them for
// validation. The folder appears whole, by a rename, or not at all.
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { UsageError } from "../usage-error.js";
import { type FoundFile, findDocuments } from "./find-documents.js";
import { NotText, readText } from "./read-text.js";
import { tokenDType, TokenWriter } from "./token-file.js";
import { loadTokenizer, type Tokenizer, type TokenizerName } from "./tokenizers.js";

export interface PrepareOptions {
  readonly tokenizer: TokenizerName;
  readonly folder: string;
  /** Which share of the text is kept for validation: from 0 to under 1. */
  readonly validationShare: number;
}
export interface TokenManifest {
  readonly format: "dreamc-tokens";
  readonly version: 1;
  readonly tokenizer: string;
  readonly vocabSize: number;
  readonly dtype: "u16" | "u32";
  readonly splits: { readonly [split: string]: { readonly file: string; readonly numTokens: number } };
}
export interface Prepared {
  readonly manifest: TokenManifest;
  readonly numDocuments: number;
  /** Found in folders or by patterns, and no text. */
  readonly passedOver: readonly string[];
}

export async function prepareTokens(args: readonly string[], options: PrepareOptions): Promise<Prepared> {
  const documents = shuffleByPath(findDocuments(args));
  const target = resolve(options.folder);
  await refuseForeignFolder(target);
  const tokenizer = await loadTokenizer(options.tokenizer);
  const unfinished = `${target}.unfinished-${randomUUID()}`;
  await mkdir(dirname(target), { recursive: true });
  await mkdir(unfinished);
  try {
    const prepared = await writeSplits(documents, tokenizer, options.validationShare, unfinished);
    await writeFile(join(unfinished, "manifest.json"), `${JSON.stringify(prepared.manifest, null, 2)}\n`);
    await rm(target, { recursive: true, force: true });
    await rename(unfinished, target);
    return prepared;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** The same order on every machine where the paths below the common folder are the same. */
function shuffleByPath(documents: readonly FoundFile[]): readonly FoundFile[] {
  const depth = commonDepth(documents.map(({ path }) => path.split("/")));
  const keyOf = ({ path }: FoundFile): string =>
    createHash("sha256").update(path.split("/").slice(depth).join("/")).digest("hex");
  return documents
    .map((document) => ({ document, key: keyOf(document) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ document }) => document);
}

function commonDepth(paths: readonly (readonly string[])[]): number {
  const [first] = paths;
  if (!first) return 0;
  let depth = 0;
  while (depth < first.length - 1 && paths.every((path) => path[depth] === first[depth])) depth++;
  return depth;
}

async function refuseForeignFolder(folder: string): Promise<void> {
  if (!existsSync(folder) || (await readdir(folder)).length === 0) return;
  const manifest = join(folder, "manifest.json");
  const isOurs = existsSync(manifest) && (await readFile(manifest, "utf8")).includes('"dreamc-tokens"');
  if (!isOurs) throw new UsageError(`${folder} holds other things`, "name a new folder with -o");
}

async function writeSplits(
  documents: readonly FoundFile[],
  tokenizer: Tokenizer,
  validationShare: number,
  folder: string,
): Promise<Prepared> {
  const dtype = tokenDType(tokenizer.vocabSize);
  const train = await TokenWriter.create(join(folder, "train.bin"), dtype);
  const validation = await TokenWriter.create(join(folder, "validation.bin"), dtype);
  const passedOver: string[] = [];
  const totalBytes = documents.reduce((sum, { numBytes }) => sum + numBytes, 0);
  const trainBytes = totalBytes * (1 - validationShare);
  let bytesBefore = 0;
  try {
    for (const document of documents) {
      const isText = await appendDocument(document, tokenizer, train, validation, trainBytes - bytesBefore);
      if (!isText) passedOver.push(document.path);
      bytesBefore += document.numBytes;
    }
    const numTokens = train.numTokens + validation.numTokens;
    if (numTokens === 0) throw new UsageError("there is no text in these files");
    await train.finish();
    await validation.finish();
  } finally {
    await train.close();
    await validation.close();
  }
  const splits = {
    train: { file: "train.bin", numTokens: train.numTokens },
    validation: { file: "validation.bin", numTokens: validation.numTokens },
  };
  const { name, vocabSize } = tokenizer;
  return {
    manifest: { format: "dreamc-tokens", version: 1, tokenizer: name, vocabSize, dtype, splits },
    numDocuments: documents.length - passedOver.length,
    passedOver,
  };
}

/** The document's part before `trainBytes` goes to `train`, cut between two lines. False: it is no text. */
async function appendDocument(
  { path, named, numBytes }: FoundFile,
  tokenizer: Tokenizer,
  train: TokenWriter,
  validation: TokenWriter,
  trainBytes: number,
): Promise<boolean> {
  if (!named && !(await isText(path))) return false;
  let last = train;
  let bytesBefore = 0;
  try {
    for await (const piece of readText(path)) {
      const left = trainBytes - bytesBefore;
      const pieceBytes = Buffer.byteLength(piece);
      bytesBefore += pieceBytes;
      const head = left >= pieceBytes ? piece : left <= 0 ? "" : cutAtLine(piece, left / pieceBytes);
      if (head !== "") await train.append(tokenizer.encode(head));
      if (head.length < piece.length) {
        await validation.append(tokenizer.encode(piece.slice(head.length)));
        last = validation;
      }
    }
  } catch (error) {
    if (error instanceof NotText) throw new UsageError(error.message, "give dreamc text files");
    throw error;
  }
  if (numBytes > 0) await last.append([tokenizer.endOfDocument]);
  return true;
}

function cutAtLine(text: string, share: number): string {
  const at = text.indexOf("\n", Math.floor(text.length * share));
  return at < 0 ? text : text.slice(0, at + 1);
}

async function isText(path: string): Promise<boolean> {
  try {
    for await (const _ of readText(path));
    return true;
  } catch (error) {
    if (error instanceof NotText) return false;
    throw error;
  }
}
