// How the result of a reduction begins and grows, in C++.
import type { LoopWriter, WriteValue } from "./loop-writer.js";
import { type CppValueType, concreteType, cppValueTypes } from "./scalar-text.js";
import type { ReducePass } from "./stages.js";

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
