// How reductions are told to OpenMP.
import { typeOfResult } from "../kernel/reduction-text.js";
import type { ReducePass } from "../kernel/stages.js";

/** OpenMP's own maximum of floats loses NaN; emitted files declare this one where they need it. */
export const maximumOfFloats = "maximum";
export const declareMaximum =
  "#pragma omp declare reduction(maximum : float : omp_out = dream::math::maximum(omp_out, omp_in)) " +
  "initializer(omp_priv = -std::numeric_limits<float>::infinity())";

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
