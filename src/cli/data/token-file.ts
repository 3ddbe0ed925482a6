// Token files, as the runtime maps them into memory: 64 bytes of header (magic, version, bytes per token, number of
// tokens, zeros; little endian), then the tokens.
import { type FileHandle, open } from "node:fs/promises";

export type TokenDType = "u16" | "u32";

const headerBytes = 64;
const magic = "DREAMTOK";
const version = 1;
const bytesOf: { readonly [D in TokenDType]: number } = { u16: 2, u32: 4 };

/** The narrowest type that holds every token. */
export const tokenDType = (vocabSize: number): TokenDType => (vocabSize <= 65536 ? "u16" : "u32");

/** Writes one file front to back; the header, which needs the count, comes last. */
export class TokenWriter {
  #numTokens = 0;
  #position = headerBytes;

  private constructor(
    readonly dtype: TokenDType,
    readonly file: FileHandle,
  ) {}

  static async create(path: string, dtype: TokenDType): Promise<TokenWriter> {
    return new TokenWriter(dtype, await open(path, "wx"));
  }

  get numTokens(): number {
    return this.#numTokens;
  }

  async append(tokens: ArrayLike<number>): Promise<void> {
    const array = this.dtype === "u16" ? Uint16Array.from(tokens) : Uint32Array.from(tokens);
    const buffer = Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    for (let done = 0; done < buffer.length; ) {
      const { bytesWritten } = await this.file.write(buffer, done, buffer.length - done, this.#position);
      done += bytesWritten;
      this.#position += bytesWritten;
    }
    this.#numTokens += array.length;
  }

  /** Writes the header and waits until the disk has everything. */
  async finish(): Promise<void> {
    const header = Buffer.alloc(headerBytes);
    header.write(magic, 0, "latin1");
    header.writeUInt32LE(version, 8);
    header.writeUInt32LE(bytesOf[this.dtype], 12);
    header.writeBigUInt64LE(BigInt(this.#numTokens), 16);
    await this.file.write(header, 0, headerBytes, 0);
    await this.file.sync();
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}
