// One training program that takes turns with others on one machine.

export interface Contender {
  readonly name: string;
  readonly command: string;
  /** Seconds of each of `numSteps` whole steps, after warming up. */
  run(numSteps: number): Promise<readonly number[]>;
  /** At most, of all runs so far. */
  peakBytes(): number;
  /** Seconds from the start of the process to the end of its first step. */
  firstStepSeconds(): number;
  end(): Promise<void>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
