// Which bytes collectives that have begun and not ended read and write. Bytes are looked up by pages, so that a check
// takes as long as what lies near, not as what runs.

export interface BusyRange<T> {
  /** The same object or name for bytes of one memory. */
  readonly area: unknown;
  readonly start: number;
  /** Excluded. */
  readonly end: number;
  readonly isWritten: boolean;
  readonly by: T;
}

const pageBytes = 1 << 20;

export class BusyBytes<T> {
  private readonly areas = new Map<unknown, Map<number, Set<BusyRange<T>>>>();

  add(range: BusyRange<T>): void {
    let pages = this.areas.get(range.area);
    if (!pages) {
      pages = new Map();
      this.areas.set(range.area, pages);
    }
    for (const page of pagesOf(range)) {
      const there = pages.get(page);
      if (there) there.add(range);
      else pages.set(page, new Set([range]));
    }
  }

  delete(range: BusyRange<T>): void {
    const pages = this.areas.get(range.area);
    for (const page of pagesOf(range)) pages?.get(page)?.delete(range);
  }

  /** Every range that has one of these bytes. */
  touching(area: unknown, start: number, end: number): ReadonlySet<BusyRange<T>> {
    const found = new Set<BusyRange<T>>();
    const pages = this.areas.get(area);
    if (pages)
      for (const page of pagesOf({ start, end }))
        for (const range of pages.get(page) ?? []) if (range.start < end && start < range.end) found.add(range);
    return found;
  }
}

function* pagesOf({ start, end }: { readonly start: number; readonly end: number }): Generator<number> {
  for (let page = Math.floor(start / pageBytes); page * pageBytes < end; page++) yield page;
}
