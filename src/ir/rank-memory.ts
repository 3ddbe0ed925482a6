// Memory of a simulated rank. Elements are float64 but take the bytes of their type, so that two that share bytes spoil
// each other as on a machine. What was never written, or lost a byte, reads as NaN.
import { type DType, numBytesOf } from "./tensor-type.js";

export class RankMemory {
  private readonly values: Float64Array;
  /** Of each byte: the size of the element that was written there last, times 8, and its place in it; 0: none. */
  private readonly parts: Uint8Array;
  constructor(
    readonly name: string,
    numBytes: number,
  ) {
    this.values = new Float64Array(numBytes);
    this.parts = new Uint8Array(numBytes);
  }

  read(byte: number, dtype: DType): number {
    this.check(byte, dtype);
    const size = numBytesOf[dtype];
    for (let i = 0; i < size; i++) if (this.parts[byte + i] !== size * 8 + i) return Number.NaN;
    return this.values[byte]!;
  }

  write(byte: number, dtype: DType, value: number): void {
    this.check(byte, dtype);
    this.values[byte] = value;
    const size = numBytesOf[dtype];
    for (let i = 0; i < size; i++) this.parts[byte + i] = size * 8 + i;
  }

  /** Nothing that was written here counts any more. */
  forget(byte: number, numBytes: number): void {
    this.parts.fill(0, byte, byte + numBytes);
  }

  private check(byte: number, dtype: DType): void {
    const size = numBytesOf[dtype];
    if (!(Number.isInteger(byte) && byte >= 0 && byte % size === 0 && byte + size <= this.parts.length))
      throw new Error(`byte ${byte} is no place for ${dtype} in ${this.name} of ${this.parts.length} bytes`);
  }
}
