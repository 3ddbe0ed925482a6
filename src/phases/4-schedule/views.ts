// What regroups and slices do to a view: parts of dims are split, merged, permuted, repeated and cut, and no element moves.
// Null where that cannot be said with strides: then the caller copies.
import type { Amount } from "../../ir/scheduled.js";
import { constantAmount, divides, is, plus, product, quotient, sameAmount, times } from "./amounts.js";
import type { Part, Tensor, View } from "./work.js";

/** All of a tensor, as it is. */
export function wholeView(tensor: Tensor, numVariants: number): View {
  const one = constantAmount(1, numVariants);
  const zero = constantAmount(0, numVariants);
  return {
    tensor,
    offset: tensor.shape.map(() => zero),
    dims: tensor.shape.map((size, dim) => (is(size, 1) ? [] : [{ size, dim, step: one }])),
    shape: tensor.shape,
  };
}

/** The same view of a tensor of the same shape. */
export const rebased = (view: View, tensor: Tensor): View => ({ ...view, tensor });

/** Whether a view shows its tensor dim for dim, all of it. */
export function isWhole(view: View): boolean {
  const { tensor, dims, offset, shape } = view;
  return (
    dims.length === tensor.shape.length &&
    offset.every((each) => is(each, 0)) &&
    dims.every((parts, dim) => {
      if (!sameAmount(shape[dim]!, tensor.shape[dim]!)) return false;
      if (parts.length === 0) return true;
      return parts.length === 1 && parts[0]!.dim === dim && is(parts[0]!.step, 1);
    })
  );
}

/** Whether two views show their tensors in the same way. */
export const sameForm = (a: View, b: View): boolean =>
  a.tensor.dtype === b.tensor.dtype &&
  a.tensor.shape.length === b.tensor.shape.length &&
  a.tensor.shape.every((size, dim) => sameAmount(size, b.tensor.shape[dim]!)) &&
  a.offset.every((offset, dim) => sameAmount(offset, b.offset[dim]!)) &&
  a.dims.length === b.dims.length &&
  a.dims.every(
    (parts, dim) =>
      parts.length === b.dims[dim]!.length &&
      parts.every((part, i) => {
        const other = b.dims[dim]![i]!;
        return part.dim === other.dim && sameAmount(part.size, other.size) && sameAmount(part.step, other.step);
      }),
  );

/** Neighbouring parts that one stride describes become one; parts of one place go away. */
export function joined(parts: readonly Part[]): Part[] {
  const result: Part[] = [];
  for (const part of parts) {
    if (is(part.size, 1)) continue;
    const last = result.at(-1);
    if (last && last.dim === part.dim && (part.dim < 0 || sameAmount(last.step, times(part.step, part.size))))
      result[result.length - 1] = { size: times(last.size, part.size), dim: part.dim, step: part.step };
    else result.push(part);
  }
  return result;
}

/** The parts of each of the letters that a dim is made of; sizes outermost first. Null where they cut through parts. */
export function splitDim(parts: readonly Part[], sizes: readonly Amount[]): readonly (readonly Part[])[] | null {
  if (sizes.length === 1) return [parts];
  const rest = [...parts];
  const result: Part[][] = [];
  for (let i = sizes.length - 1; i >= 0; i--) {
    let need = sizes[i]!;
    const found: Part[] = [];
    while (!is(need, 1)) {
      const last = rest.pop();
      if (last === undefined) return null;
      if (divides(need, last.size)) {
        found.unshift(last);
        need = quotient(need, last.size);
      } else if (divides(last.size, need)) {
        rest.push({ size: quotient(last.size, need), dim: last.dim, step: times(last.step, need) });
        found.unshift({ ...last, size: need });
        break;
      } else return null;
    }
    result.unshift(found);
  }
  return rest.length === 0 ? result : null;
}

/** The parts of each letter of a term; null where a dim cannot be cut at its letters. */
export function partsByLetter(
  view: View,
  term: readonly (readonly string[])[],
  sizes: ReadonlyMap<string, Amount>,
): ReadonlyMap<string, readonly Part[]> | null {
  const parts = new Map<string, readonly Part[]>();
  for (const [dim, names] of term.entries()) {
    const cut = splitDim(
      view.dims[dim]!,
      names.map((name) => sizes.get(name)!),
    );
    if (cut === null) return null;
    for (const [i, name] of names.entries()) parts.set(name, cut[i]!);
  }
  return parts;
}

/** `inputs` and `output`: per dim its letters. Letters that the input lacks repeat. */
export function regroupView(
  view: View,
  input: readonly (readonly string[])[],
  output: readonly (readonly string[])[],
  sizes: ReadonlyMap<string, Amount>,
  shape: readonly Amount[],
): View | null {
  const numVariants = shape[0]?.length ?? sizes.values().next().value?.length ?? 1;
  const zero = constantAmount(0, numVariants);
  const found = new Map<string, readonly Part[]>();
  for (const [dim, letters] of input.entries()) {
    const cut = splitDim(
      view.dims[dim]!,
      letters.map((letter) => sizes.get(letter)!),
    );
    if (cut === null) return null;
    letters.forEach((letter, i) => {
      found.set(letter, cut[i]!);
    });
  }
  const dims = output.map((letters) =>
    joined(letters.flatMap((letter) => found.get(letter) ?? [{ size: sizes.get(letter)!, dim: -1, step: zero }])),
  );
  return { tensor: view.tensor, offset: view.offset, dims, shape };
}

export function sliceView(view: View, dim: number, start: Amount, step: Amount, count: Amount): View | null {
  const [part, ...more] = view.dims[dim]!;
  const shape = view.shape.map((size, d) => (d === dim ? count : size));
  if (part === undefined) return { ...view, shape };
  if (more.length > 0) return null;
  const offset = view.offset.map((each, d) => (d === part.dim ? plus(each, times(start, part.step)) : each));
  const cut: Part = { size: count, dim: part.dim, step: times(part.step, step) };
  return { tensor: view.tensor, offset, dims: view.dims.map((parts, d) => (d === dim ? joined([cut]) : parts)), shape };
}

/** The whole of a dim by its parts. */
export const sizeOf = (parts: readonly Part[], numVariants: number): Amount =>
  product(
    parts.map(({ size }) => size),
    numVariants,
  );
