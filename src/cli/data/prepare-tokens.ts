// Text files to a token folder: documents in an order that depends on their paths alone, the last share of them for
// validation. The folder appears whole, by a rename, or not at all.
import { createHash } from "node:crypto";
import { existsSync, renameSync, rmSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { withUnfinishedFolder } from "../unfinished-folder.js";
import { UsageError } from "../usage-error.js";
import { type FoundFile, findDocuments } from "./find-documents.js";
import { NotText, readText } from "./read-text.js";
import { TokenWriter, tokenDType } from "./token-file.js";
import { loadTokenizer, type Tokenizer, type TokenizerName } from "./tokenizers.js";

const ownFiles: readonly string[] = ["manifest.json", "train.bin", "validation.bin"];

export interface PrepareOptions {
  readonly tokenizer: TokenizerName;
  readonly folder: string;
  /** Which share of the text is kept for validation: from 0 to under 1. */
  readonly validationShare: number;
  /** How much of the text is tokenized. */
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}
export interface TokenManifest {
  readonly format: "dreamc-tokens";
  readonly version: 1;
  readonly tokenizer: string;
  readonly vocabSize: number;
  readonly dtype: "u16" | "u32";
  readonly splits: { readonly [S in "train" | "validation"]: { readonly file: string; readonly numTokens: number } };
}
export interface Prepared {
  readonly manifest: TokenManifest;
  readonly numDocuments: number;
  readonly textBytes: number;
  /** Found in folders or by patterns, and no text. */
  readonly passedOver: readonly string[];
}

/** Throws a UsageError where files are missing or no text, or where the folder holds other things. */
export async function prepareTokens(args: readonly string[], options: PrepareOptions): Promise<Prepared> {
  const found = shuffleByPath(findDocuments(args));
  const target = resolve(options.folder);
  await refuseForeignFolder(target, options.folder);
  const tokenizer = await loadTokenizer(options.tokenizer);
  const { documents, passedOver } = await partText(found);
  return await withUnfinishedFolder(
    target,
    async (folder) => {
      const manifest = await writeSplits(documents, tokenizer, options, folder);
      await writeFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
      return { manifest, numDocuments: documents.length, textBytes: totalBytes(documents), passedOver };
    },
    (folder) => {
      rmSync(target, { recursive: true, force: true });
      renameSync(folder, target);
    },
  );
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

async function refuseForeignFolder(target: string, asGiven: string): Promise<void> {
  if (!existsSync(target)) return;
  if (!(await stat(target)).isDirectory()) throw new UsageError(`${asGiven} is a file`, "name a folder with -o");
  const names = await readdir(target);
  if (names.length === 0) return;
  const manifest = join(target, "manifest.json");
  const isOurs =
    names.every((name) => ownFiles.includes(name)) &&
    existsSync(manifest) &&
    (await readFile(manifest, "utf8")).includes('"dreamc-tokens"');
  if (!isOurs) throw new UsageError(`${asGiven} holds other things`, "name a new folder with -o");
}

/** Files that were found in folders or by patterns are passed over if they are no text. */
async function partText(
  found: readonly FoundFile[],
): Promise<{ readonly documents: readonly FoundFile[]; readonly passedOver: readonly string[] }> {
  const documents: FoundFile[] = [];
  const passedOver: string[] = [];
  for (const file of found) {
    if (file.named || (await isText(file.path))) documents.push(file);
    else passedOver.push(file.path);
  }
  return { documents, passedOver };
}

const totalBytes = (documents: readonly FoundFile[]): number =>
  documents.reduce((sum, { numBytes }) => sum + numBytes, 0);

async function writeSplits(
  documents: readonly FoundFile[],
  tokenizer: Tokenizer,
  { validationShare, onProgress }: PrepareOptions,
  folder: string,
): Promise<TokenManifest> {
  const dtype = tokenDType(tokenizer.vocabSize);
  const train = await TokenWriter.create(join(folder, "train.bin"), dtype);
  const validation = await TokenWriter.create(join(folder, "validation.bin"), dtype);
  const allBytes = totalBytes(documents);
  const trainBytes = allBytes * (1 - validationShare);
  let bytesBefore = 0;
  try {
    for (const document of documents) {
      onProgress(bytesBefore, allBytes);
      await appendDocument(document, tokenizer, train, validation, trainBytes - bytesBefore);
      bytesBefore += document.numBytes;
    }
    onProgress(allBytes, allBytes);
    if (train.numTokens + validation.numTokens === 0) throw new UsageError("there is no text in these files");
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
  return { format: "dreamc-tokens", version: 1, tokenizer: name, vocabSize, dtype, splits };
}

/** The document's part before `trainBytes` goes to `train`, cut between two lines. */
async function appendDocument(
  { path, numBytes }: FoundFile,
  tokenizer: Tokenizer,
  train: TokenWriter,
  validation: TokenWriter,
  trainBytes: number,
): Promise<void> {
  let last = train;
  let bytesBefore = 0;
  try {
    for await (const piece of readText(path)) {
      const left = trainBytes - bytesBefore;
      const pieceBytes = Buffer.byteLength(piece);
      bytesBefore += pieceBytes;
      const head = left >= pieceBytes ? piece : left <= 0 ? "" : cutNear(piece, left / pieceBytes);
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
}

/** At the end of a line, or of a word where no line ends. */
function cutNear(text: string, share: number): string {
  const from = Math.floor(text.length * share);
  const lineEnd = text.indexOf("\n", from) + 1;
  return text.slice(0, lineEnd || text.indexOf(" ", from) + 1 || text.length);
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
