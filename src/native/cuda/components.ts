// What a CUDA program is made with: the compiler and four libraries, each with the header that says its version, the file
// that is linked and the Python package that brings it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import type { Place } from "./places.js";

export const componentNames = ["nvcc", "cudart", "cuBLASLt", "cuDNN", "NCCL"] as const;
export type ComponentName = (typeof componentNames)[number];

export interface Found {
  readonly name: ComponentName;
  readonly version: string;
  /** The CUDA that it is part of or was built for: `13.2`, `13`; null: nothing says so. */
  readonly cuda: string | null;
  readonly place: Place;
  /** The folder of its header, or of nvcc. */
  readonly include: string;
  /** The folder of its library and the file in it that is linked; null: nvcc has none. */
  readonly library: { readonly folder: string; readonly file: string } | null;
}

interface Library {
  /** The one that programs include, and the one with the version's macros. */
  readonly header: string;
  readonly versionHeader: string;
  readonly version: (number: (macro: string) => number) => string;
  readonly file: (version: string) => string;
  /** Of a toolkit's version: the CUDA that it belongs to. */
  readonly cuda: ((version: string) => string) | null;
  /** Of its Python package, before `-cu13`; null: it is part of the toolkit's own. */
  readonly package: string | null;
}

const major = (version: string): string => version.split(".")[0]!;

const libraries: { readonly [N in Exclude<ComponentName, "nvcc">]: Library } = {
  cudart: {
    header: "cuda_runtime.h",
    versionHeader: "cuda_runtime_api.h",
    version: (number) => {
      const all = number("CUDART_VERSION");
      return `${Math.floor(all / 1000)}.${Math.floor((all % 1000) / 10)}`;
    },
    file: () => "libcudart_static.a",
    cuda: (version) => version,
    package: null,
  },
  cuBLASLt: {
    header: "cublasLt.h",
    versionHeader: "cublas_api.h",
    version: (number) => ["MAJOR", "MINOR", "PATCH"].map((part) => number(`CUBLAS_VER_${part}`)).join("."),
    file: (version) => `libcublasLt.so.${major(version)}`,
    cuda: major,
    package: null,
  },
  cuDNN: {
    header: "cudnn.h",
    versionHeader: "cudnn_version.h",
    version: (number) => ["MAJOR", "MINOR", "PATCHLEVEL"].map((part) => number(`CUDNN_${part}`)).join("."),
    file: (version) => `libcudnn.so.${major(version)}`,
    cuda: null,
    package: "nvidia_cudnn",
  },
  NCCL: {
    header: "nccl.h",
    versionHeader: "nccl.h",
    version: (number) => ["MAJOR", "MINOR", "PATCH"].map((part) => number(`NCCL_${part}`)).join("."),
    file: (version) => `libnccl.so.${major(version)}`,
    cuda: null,
    package: "nvidia_nccl",
  },
};

/** Where headers, and where libraries, lie below a root. */
const machine = process.arch === "arm64" ? ["sbsa-linux", "aarch64-linux-gnu"] : ["x86_64-linux", "x86_64-linux-gnu"];
const includeFolders = ["include", `targets/${machine[0]}/include`, `include/${machine[1]}`];
const libraryFolders = ["lib", "lib64", `targets/${machine[0]}/lib`, `lib/${machine[1]}`];

/** The component in a place; null where it is not there, or not whole: a header without its library. */
export const findIn = (name: ComponentName, place: Place): Promise<Found | null> | Found | null =>
  name === "nvcc" ? findCompiler(place) : findLibrary(name, place);

async function findCompiler(place: Place): Promise<Found | null> {
  const folder = place.roots.map((root) => join(root, "bin")).find((bin) => existsSync(join(bin, "nvcc")));
  if (folder === undefined) return null;
  const { stdout } = await execa(join(folder, "nvcc"), ["--version"], { reject: false, stdin: "ignore" });
  const [, version, cuda] = /release (?=\d)[^,]*, V((\d+\.\d+)[\d.]*)/.exec(String(stdout)) ?? [];
  if (version === undefined) return null;
  return { name: "nvcc", version, cuda: cuda!, place, include: folder, library: null };
}

function findLibrary(name: keyof typeof libraries, place: Place): Found | null {
  const { header, versionHeader, version: versionOf, file: fileOf, cuda, package: packageName } = libraries[name];
  for (const root of place.roots) {
    for (const include of includeFolders.map((folder) => join(root, folder))) {
      if (!existsSync(join(include, header)) || !existsSync(join(include, versionHeader))) continue;
      const text = readFileSync(join(include, versionHeader), "utf8");
      const version = versionOf((macro) => Number(new RegExp(`^#define\\s+${macro}\\s+(\\d+)`, "m").exec(text)?.[1]));
      const file = fileOf(version);
      const folder = libraryFolders.map((each) => join(root, each)).find((each) => existsSync(join(each, file)));
      if (folder === undefined) continue;
      const builtFor = cuda?.(version) ?? builtForIn(place, packageName!)[0] ?? null;
      return { name, version, cuda: builtFor, place, include, library: { folder, file } };
    }
  }
  return null;
}

/** The CUDAs, such as `13`, for which a package of this name is installed: with two, each wrote over the other's files. */
function builtForIn({ packages }: Place, name: string): readonly string[] {
  if (packages === null) return [];
  const found = readdirSync(packages).map((each) => new RegExp(`^${name}_cu(\\d+)-.*\\.dist-info$`).exec(each)?.[1]);
  return found.filter((cuda) => cuda !== undefined);
}

/** Names of components whose packages are installed for several CUDAs at once, with those. */
export const installedTwice = (place: Place): ReadonlyMap<ComponentName, readonly string[]> =>
  new Map(
    Object.entries(libraries).flatMap(([name, library]) => {
      const cudas = library.package === null ? [] : builtForIn(place, library.package);
      return cudas.length > 1 ? [[name as ComponentName, cudas] as const] : [];
    }),
  );
