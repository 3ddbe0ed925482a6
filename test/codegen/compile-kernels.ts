// Kernels for CPUs, compiled by g++ into one small program that reads their memory from a file and writes it back.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { kernelFunction } from "../../codegen/cpu/kernel-function.js";
import { declareMaximum } from "../../codegen/cpu/reductions.js";
import { cppElementTypes } from "../../codegen/kernel/scalar-text.js";
import { packageFolder } from "../../codegen/package-folder.js";
import { roundToBf16 } from "../../src/ir/interpret-kernel.js";
import type { Kernel } from "../../src/ir/scheduled.js";
import { type DType, numBytesOf } from "../../src/ir/tensor-type.js";

export interface KernelCase {
  readonly kernel: Kernel;
  /** The memory of each operand before the kernel runs. */
  readonly memory: readonly Float64Array[];
}

const compilerFlags = ["-std=c++20", "-O2", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fopenmp"];

/** The memory of all operands of all cases afterwards, for each number of threads. */
export async function runCompiled(
  cases: readonly KernelCase[],
  threads: readonly number[],
): Promise<ReadonlyMap<number, readonly (readonly Float64Array[])[]>> {
  const folder = mkdtempSync(join(tmpdir(), "dreamc-kernels-"));
  try {
    const source = join(folder, "kernels.cpp");
    writeFileSync(source, programOf(cases));
    const runtime = fileURLToPath(new URL("runtime-cuda/", packageFolder));
    const program = join(folder, "kernels");
    await execa("g++", [
      ...[...compilerFlags, "-Wall", "-Wextra", "-Werror", `-I${join(runtime, "include")}`, `-I${runtime}`],
      ...["-o", program, source, join(runtime, "core/parallel.cpp"), join(runtime, "core/signals.cpp")],
    ]);
    const input = join(folder, "in");
    writeFileSync(
      input,
      Buffer.concat(cases.flatMap(({ kernel, memory }) => memory.map((m, k) => encode(m, kernel.operands[k]!.dtype)))),
    );
    const results = new Map<number, readonly (readonly Float64Array[])[]>();
    for (const count of threads) {
      const output = join(folder, `out${count}`);
      await execa(program, [input, output], { env: { OMP_NUM_THREADS: String(count), OMP_WAIT_POLICY: "passive" } });
      results.set(count, decodeAll(readFileSync(output), cases));
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function programOf(cases: readonly KernelCase[]): string {
  const amounts = {
    fieldOf: (): string => {
      throw new Error("a kernel with one variant needs no table");
    },
  };
  const functions = cases.map(({ kernel }, i) => {
    const { declarations, body } = kernelFunction(
      kernel,
      kernel.operands.map(() => false),
      amounts,
    );
    return `// ${kernel.name}\nstatic void kernel${i}(${declarations.join(", ")}) {\n${body.join("\n")}\n}\n`;
  });
  const calls = cases.map(({ kernel, memory }, i) => {
    const { parameters } = kernelFunction(
      kernel,
      kernel.operands.map(() => false),
      amounts,
    );
    const args = parameters.map((parameter) => {
      if (parameter.kind === "operand") return `memory${parameter.operand}`;
      return parameter.kind === "seed" ? "42" : "0";
    });
    const reads = kernel.operands.map(
      ({ dtype }, k) => `  auto* memory${k} = next<${cppElementTypes[dtype]}>(${memory[k]!.length});`,
    );
    return `{\n${reads.join("\n")}\n  kernel${i}(${args.join(", ")});\n}`;
  });
  return `#include <algorithm>
#include <cstdio>
#include <limits>
#include <vector>
#include "dream/kernel.h"
#include "dream/math.h"
${declareMaximum}
${functions.join("\n")}
static std::vector<char> bytes;
static std::size_t place = 0;
template <class T> static T* next(std::size_t count) {
  T* const found = reinterpret_cast<T*>(bytes.data() + place);
  place += (count * sizeof(T) + 7) / 8 * 8;
  return found;
}
int main(int, char** argv) {
  std::FILE* in = std::fopen(argv[1], "rb");
  std::fseek(in, 0, SEEK_END);
  bytes.resize(std::ftell(in));
  std::rewind(in);
  if (std::fread(bytes.data(), 1, bytes.size(), in) != bytes.size()) return 1;
${calls.join("\n")}
  std::FILE* out = std::fopen(argv[2], "wb");
  return std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size() && std::fclose(out) == 0 ? 0 : 1;
}
`;
}

const padded = (numBytes: number): number => Math.ceil(numBytes / 8) * 8;

/** The bytes of elements, padded to eight. */
export function encode(elements: Float64Array, dtype: DType): Buffer {
  const bytes = Buffer.alloc(padded(elements.length * numBytesOf[dtype]));
  elements.forEach((element, i) => {
    if (dtype === "f32") bytes.writeFloatLE(element, 4 * i);
    else if (dtype === "i32") bytes.writeInt32LE(element, 4 * i);
    else if (dtype === "bool") bytes.writeUInt8(element, i);
    else {
      const word = Buffer.alloc(4);
      word.writeFloatLE(roundToBf16(element));
      word.copy(bytes, 2 * i, 2, 4);
    }
  });
  return bytes;
}

export function decode(bytes: Buffer, count: number, dtype: DType): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    if (dtype === "f32") return bytes.readFloatLE(4 * i);
    if (dtype === "i32") return bytes.readInt32LE(4 * i);
    if (dtype === "bool") return bytes.readUInt8(i);
    return Buffer.from([0, 0, bytes[2 * i]!, bytes[2 * i + 1]!]).readFloatLE(0);
  });
}

function decodeAll(bytes: Buffer, cases: readonly KernelCase[]): readonly (readonly Float64Array[])[] {
  let place = 0;
  return cases.map(({ kernel, memory }) =>
    memory.map(({ length }, k) => {
      const { dtype } = kernel.operands[k]!;
      const found = decode(bytes.subarray(place), length, dtype);
      place += padded(length * numBytesOf[dtype]);
      return found;
    }),
  );
}
