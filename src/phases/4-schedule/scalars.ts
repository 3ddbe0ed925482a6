// Walks over scalar expressions. They are graphs: what is reached twice is visited once.
import type { KernelPass, Scalar, ScalarFunction } from "../../ir/kernel.js";
import type { ScheduledPass } from "../../ir/scheduled.js";

type Pass = KernelPass | ScheduledPass;

export const scalarOf = (pass: Pass): Scalar => (pass.kind === "reduce" ? pass.of : pass.value);
export const scalarsOf = (passes: readonly Pass[]): readonly Scalar[] => passes.map(scalarOf);

export function visitScalars(scalar: Scalar, see: (each: Scalar) => void, seen: Set<Scalar> = new Set()): void {
  if (seen.has(scalar)) return;
  seen.add(scalar);
  see(scalar);
  if (scalar.kind === "apply") for (const arg of scalar.args) visitScalars(arg, see, seen);
  else if (scalar.kind === "input" && scalar.at) for (const at of scalar.at) visitScalars(at, see, seen);
}

/** Whether some part of an expression is such. */
export function hasScalar(scalar: Scalar, isSuch: (each: Scalar) => boolean): boolean {
  let isFound = false;
  visitScalars(scalar, (each) => {
    if (isSuch(each)) isFound = true;
  });
  return isFound;
}

/** The same expression with its leaves replaced, bottom up; parts that do not change stay the same objects. */
export function mapScalar(scalar: Scalar, change: (leaf: Scalar) => Scalar, memo: Map<Scalar, Scalar>): Scalar {
  const known = memo.get(scalar);
  if (known) return known;
  let result: Scalar;
  if (scalar.kind === "apply") {
    const args = scalar.args.map((arg) => mapScalar(arg, change, memo));
    result = args.every((arg, i) => arg === scalar.args[i]) ? scalar : simplified(scalar.fn, args);
  } else result = change(scalar);
  memo.set(scalar, result);
  return result;
}

const isNumber = (scalar: Scalar, value: number): boolean =>
  scalar.kind === "constant" && Object.is(scalar.value, value);

/** Additions of 0 and products with 1 are what they are of; whole numbers are computed now. */
function simplified(fn: ScalarFunction, args: readonly Scalar[]): Scalar {
  const [a, b] = args as [Scalar, Scalar];
  if (fn === "add" || fn === "sub" || fn === "mul") {
    const neutral = fn === "mul" ? 1 : 0;
    if (isNumber(b, neutral)) return a;
    if (fn !== "sub" && isNumber(a, neutral)) return b;
    if (a.kind === "constant" && b.kind === "constant") {
      const value = fn === "add" ? a.value + b.value : fn === "sub" ? a.value - b.value : a.value * b.value;
      if ([a.value, b.value, value].every(Number.isSafeInteger)) return { kind: "constant", value };
    }
  }
  return { kind: "apply", fn, args };
}

/** What a function costs, in additions. */
const cost: { readonly [F in ScalarFunction]?: number } = {
  div: 4,
  sqrt: 4,
  rsqrt: 5,
  exp: 12,
  log: 12,
  tanh: 15,
  erf: 15,
  sin: 15,
  cos: 15,
  pow: 25,
  sigmoid: 14,
  roundToBf16: 2,
  randomUniform: 60,
  randomNormal: 100,
};

export function flopsOf(scalar: Scalar): number {
  let flops = 0;
  visitScalars(scalar, (each) => {
    if (each.kind === "apply") flops += cost[each.fn] ?? 1;
  });
  return flops;
}

/** Two expressions, equal in structure, with `join` at constants that differ. Null where the structure differs. */
export function zipScalars(
  variants: readonly Scalar[],
  join: (values: readonly number[]) => Scalar,
  memo: Map<Scalar, Scalar>,
): Scalar {
  const first = variants[0]!;
  const known = memo.get(first);
  if (known) return known;
  const fail = (): never => {
    throw new Error("a kernel's expression has another structure in each variant");
  };
  let result: Scalar;
  if (first.kind === "constant") {
    const values = variants.map((each) => (each.kind === "constant" ? each.value : fail()));
    result = values.every((value) => Object.is(value, values[0])) ? first : join(values);
  } else if (first.kind === "apply") {
    const args = first.args.map((_, i) =>
      zipScalars(
        variants.map((each) => (each.kind === "apply" && each.fn === first.fn ? each.args[i]! : fail())),
        join,
        memo,
      ),
    );
    result = { kind: "apply", fn: first.fn, args };
  } else if (first.kind === "input" && first.at) {
    const at = first.at.map((_, i) =>
      zipScalars(
        variants.map((each) => (each.kind === "input" && each.input === first.input && each.at ? each.at[i]! : fail())),
        join,
        memo,
      ),
    );
    result = { kind: "input", input: first.input, at };
  } else result = first;
  memo.set(first, result);
  return result;
}
