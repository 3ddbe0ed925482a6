// Which buffer wrote each byte of an area last: disjoint segments in order.

interface Segment<T> {
  start: number;
  end: number;
  readonly owner: T;
}

export class ByteOwners<T> {
  private segments: Segment<T>[] = [];

  /** `owner` has written all bytes from `start` up to `end`. */
  write(start: number, end: number, owner: T): void {
    if (end <= start) return;
    const first = this.firstBehind(start);
    let last = first;
    while (last < this.segments.length && this.segments[last]!.start < end) last++;
    const cut = this.segments.slice(first, last);
    const put: Segment<T>[] = [];
    const [left, right] = [cut[0], cut.at(-1)];
    if (left && left.start < start) put.push({ start: left.start, end: start, owner: left.owner });
    put.push({ start, end, owner });
    if (right && right.end > end) put.push({ start: end, end: right.end, owner: right.owner });
    this.segments.splice(first, last - first, ...put);
  }

  /** Whether `owner` wrote all of these bytes, and nobody since. */
  has(start: number, end: number, owner: T): boolean {
    let at = start;
    for (let i = this.firstBehind(start); at < end; i++) {
      const segment = this.segments[i];
      if (!segment || segment.start > at || segment.owner !== owner) return false;
      at = segment.end;
    }
    return true;
  }

  /** The first segment that ends behind a byte. */
  private firstBehind(byte: number): number {
    let [low, high] = [0, this.segments.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.segments[middle]!.end > byte) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
