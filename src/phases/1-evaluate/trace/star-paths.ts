// Paths of repeated modules with a star for their numbers: `model.blocks.0`, `model.blocks.1` are `model.blocks.*`, as the
// steps of a repeat name them.

interface AtPath {
  readonly path: string;
}
export interface Starred<T extends AtPath> {
  readonly path: string;
  readonly of: readonly T[];
}

const starred = (path: string): string =>
  path
    .split(".")
    .map((part) => (/^\d+$/.test(part) ? "*" : part))
    .join(".");

/**
 * Items whose paths differ in numbers alone, and of which `kindOf` says the same, together; where they are not all the
 * modules that the star stands for, each by itself.
 */
export function withStars<T extends AtPath>(
  items: readonly T[],
  paths: readonly string[],
  kindOf: (item: T) => string,
): readonly Starred<T>[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = `${kindOf(item)} ${starred(item.path)}`;
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()].flatMap((group) => {
    const path = starred(group[0]!.path);
    const isAll = group.length === paths.filter((each) => starred(each) === path).length;
    return isAll && group.length > 1 ? [{ path, of: group }] : group.map((item) => ({ path: item.path, of: [item] }));
  });
}
