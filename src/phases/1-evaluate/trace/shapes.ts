// PyTorch's rules about dims and shapes, with messages that name both sides.
import { numElements } from "../../../ir/tensor-type.js";
import type { RegroupAttributes } from "../../../ops/regroup.js";
import type { Tracer } from "./tracer.js";

export const showShape = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

export function resolveDim(dim: number, numDims: number, tracer: Tracer): number {
  const at = dim < 0 ? dim + numDims : dim;
  if (!(Number.isInteger(at) && at >= 0 && at < numDims)) throw tracer.ev.fail("no-such-dim", dim, numDims);
  return at;
}

export function resolveDims(
  dim: number | readonly number[] | undefined,
  numDims: number,
  tracer: Tracer,
): readonly number[] {
  if (dim === undefined) return Array.from({ length: numDims }, (_, d) => d);
  const list = (Array.isArray(dim) ? dim : [dim]) as readonly number[];
  return list.map((each) => resolveDim(Number(each), numDims, tracer)).sort((a, b) => a - b);
}

export function resolveShape(given: readonly number[], from: readonly number[], tracer: Tracer): readonly number[] {
  const shape = given.map(Number);
  const total = numElements(from);
  const open = shape.filter((size) => size === -1).length;
  const known = shape.reduce((n, size) => (size === -1 ? n : n * size), 1);
  if (shape.some((size) => !(Number.isInteger(size) && size >= -1))) throw tracer.ev.fail("not-a-shape", shape);
  if (total === 0) throw tracer.ev.fail("view-of-nothing", from);
  if (open > 1 || (open === 1 ? total % known !== 0 : known !== total))
    throw tracer.ev.fail("view-does-not-fit", from, total, given);
  return shape.map((size) => (size === -1 ? total / known : size));
}

export function broadcastShapes(
  name: string,
  shapes: readonly (readonly number[])[],
  tracer: Tracer,
): readonly number[] {
  const numDims = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: numDims }, (_, i) => {
    const sizes = shapes.map((shape) => shape[shape.length - numDims + i] ?? 1);
    const wide = sizes.filter((size) => size !== 1);
    if (wide.some((size) => size !== wide[0]))
      throw tracer.ev.fail("shapes-do-not-broadcast", name, shapes, i - numDims, sizes);
    return wide[0] ?? 1;
  });
}

/** The regroups of a view: dims that multiply to the same are split or merged together, in two steps where both happen. */
export function regroupFactors(from: readonly number[], to: readonly number[]): readonly RegroupAttributes[] {
  const sizes: Record<string, number> = {};
  let next = 0;
  const letter = (size: number): string => {
    const name = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[next++]!;
    sizes[name] = size;
    return name;
  };
  const term = (letters: readonly string[]): string => (letters.length === 1 ? letters[0]! : `(${letters.join("")})`);
  const [ins, outs, flats]: [string[], string[], string[]] = [[], [], []];
  let isTwoSteps = false;
  let i = 0;
  let o = 0;
  const total = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);
  while (i < from.length || o < to.length) {
    const starts = [i, o];
    let [a, b] = [1, 1];
    do {
      if (a <= b && i < from.length && (a < b || (from[i] !== 1 && o < to.length) || o >= to.length)) a *= from[i++]!;
      else if (o < to.length) b *= to[o++]!;
      else a *= from[i++]!;
    } while (a !== b);
    const [own, other] = [from.slice(starts[0], i), to.slice(starts[1], o)];
    if (own.length === 1 && other.length === 1) {
      const name = letter(own[0]!);
      ins.push(name);
      outs.push(name);
      flats.push(name);
    } else if (own.length <= 1 && total(own) === 1 && other.every((size) => size === 1)) {
      ins.push(...own.map(letter));
      outs.push(...other.map(letter));
    } else if (own.length === 1) {
      const names = other.map(letter);
      ins.push(term(names));
      outs.push(...names);
      flats.push(...names);
    } else if (other.length === 1) {
      const names = own.map(letter);
      ins.push(...names);
      outs.push(term(names));
      flats.push(...names);
    } else if (other.length === 0 || own.length === 0) {
      ins.push(...own.map(letter));
      outs.push(...other.map(letter));
    } else {
      isTwoSteps = true;
      break;
    }
  }
  if (!isTwoSteps) return [{ factors: `${ins.join("")}->${outs.join("")}`, sizes }];
  const flat = [total(from)];
  return [...regroupFactors(from, flat), ...regroupFactors(flat, to)];
}
