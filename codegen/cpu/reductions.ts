// What reductions of all shapes share: how a result begins, grows and is told to OpenMP.
import type { LoopWriter, WriteValue } from "../kernel/loop-writer.js";
import { type CppValueType, concreteType, cppValueTypes } from "../kernel/scalar-text.js";
import type { ReducePass } from "../kernel/stages.js";

/** OpenMP's own maximum of floats loses NaN; emitted files declare this one where they need it. */
export const maximumOfFloats = "maximum";
export const declareMaximum =
  "#pragma omp declare reduction(maximum : float : omp_out = dream::math::maximum(omp_out, omp_in)) " +
  "initializer(omp_priv = -std::numeric_limits<float>::infinity())";

export const typeOfResult = ({ result }: ReducePass): CppValueType => concreteType(result.type);

export function startOf(pass: ReducePass): string {
  const isFloat = typeOfResult(pass) === "float";
  if (pass.by === "sum") return isFloat ? "0.0f" : "0";
  return isFloat ? "-std::numeric_limits<float>::infinity()" : "std::numeric_limits<std::int64_t>::min()";
}

/** `float total = 0.0f;` */
export const declareResult = (pass: ReducePass, name: string): string =>
  `${cppValueTypes[typeOfResult(pass)]} ${name} = ${startOf(pass)};`;

/** A statement that takes one more value into a result. */
export const growResult = (pass: ReducePass, target: string, value: string): string =>
  pass.by === "sum" ? `${target} += ${value};` : `${target} = dream::math::maximum(${target}, ${value});`;

export const grow = (w: LoopWriter, pass: ReducePass, target: string, write: WriteValue): void =>
  w.line(growResult(pass, target, write(pass.of, typeOfResult(pass)).text));

/** The line before an innermost loop that reduces into variables. */
export function simdPragma(passes: readonly { readonly pass: ReducePass; readonly name: string }[]): string {
  const clause = (sign: string, holds: (pass: ReducePass) => boolean): readonly string[] => {
    const names = passes.filter(({ pass }) => holds(pass)).map(({ name }) => name);
    return names.length === 0 ? [] : [`reduction(${sign} : ${names.join(", ")})`];
  };
  return [
    "#pragma omp simd",
    ...clause("+", ({ by }) => by === "sum"),
    ...clause(maximumOfFloats, (pass) => pass.by === "max" && typeOfResult(pass) === "float"),
    ...clause("max", (pass) => pass.by === "max" && typeOfResult(pass) !== "float"),
  ].join(" ");
}
