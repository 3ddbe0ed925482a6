// The commands that install what a CUDA build lacks: from PyPI, since that needs no root and brings a set that fits.
import type { ComponentName, Found } from "./components.js";
import { toolsFolder } from "./places.js";

/** What dreamc is tested with. */
export const testedToolkit = "13.2.2";

/** Extras of NVIDIA's metapackage, which pins all parts to one release. */
const extrasOf: { readonly [N in ComponentName]?: readonly string[] } = {
  nvcc: ["nvcc", "cccl"],
  cudart: ["cudart", "cccl"],
  cuBLASLt: ["cublas"],
};
const packageOf: { readonly [N in ComponentName]?: string } = { cuDNN: "nvidia-cudnn-cu", NCCL: "nvidia-nccl-cu" };
const everything = ["nvcc", "cudart", "cuBLASLt", "cuDNN", "NCCL"] as const;

/** Into the active environment, or one of dreamc's own. `isMixed`: what is there does not go together. */
export function installLines(
  missing: readonly ComponentName[],
  isMixed: boolean,
  nvcc: Found | null,
): readonly string[] {
  const whole = isMixed || nvcc === null;
  const wanted: readonly ComponentName[] = whole ? everything : missing;
  const [release, major] =
    whole || nvcc.cuda === null
      ? [testedToolkit, testedToolkit.split(".")[0]!]
      : [`${nvcc.cuda}.*`, nvcc.cuda.split(".")[0]!];
  const extras = [...new Set(wanted.flatMap((name) => extrasOf[name] ?? []))];
  const packages = [
    ...(extras.length === 0 ? [] : [`"cuda-toolkit[${extras.join(",")}]==${release}"`]),
    ...wanted.flatMap((name) => (packageOf[name] === undefined ? [] : [`${packageOf[name]}${major}`])),
  ];
  const isolated = isMixed || !process.env.VIRTUAL_ENV;
  const tools = toolsFolder();
  return [
    isolated
      ? `python3 -m venv ${tools} && ${tools}/bin/pip install ${packages.join(" ")}`
      : `pip install ${packages.join(" ")}`,
  ];
}
