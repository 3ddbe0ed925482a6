// Where NVIDIA's tools and libraries may lie on this machine: system toolkits and Python's packages, in the order in which
// they are looked for.
import { accessSync, constants, existsSync, readdirSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";
import { cacheFolder } from "../cache-folder.js";

/** Things that were installed together. */
export interface Place {
  /** For people: `CUDA_HOME=/opt/cuda`. */
  readonly name: string;
  /** Each holds some of `bin`, `include` and `lib`. */
  readonly roots: readonly string[];
  /** Python's `site-packages`, which say what was installed there; null: no Python. */
  readonly packages: string | null;
}

/** Python's tools of dreamc's own, where `scripts/setup.sh` and the lines of `dreamc doctor` install to. */
export const toolsFolder = (): string => join(cacheFolder(), "tools");

/** The first one counts; where CUDA_HOME is set, the toolkit itself is taken from there alone. */
export async function places(): Promise<readonly Place[]> {
  const env = (name: string): string | null => process.env[name] || null;
  const home = env("CUDA_HOME") ?? env("CUDA_PATH");
  const inPath = nvccInPath();
  const venv = env("VIRTUAL_ENV");
  const found = [
    ...(home === null ? [] : [rootPlace(`${env("CUDA_HOME") ? "CUDA_HOME" : "CUDA_PATH"}=${home}`, home)]),
    ...(venv === null ? [] : pythonPlaces(sitePackagesBelow(venv))),
    ...(inPath === null ? [] : [rootPlace(inPath, inPath)]),
    rootPlace("/usr/local/cuda", "/usr/local/cuda"),
    ...pythonPlaces(await sitePackagesOfPython()),
    ...pythonPlaces(sitePackagesBelow(toolsFolder())),
    { name: "the system", roots: ["/usr", "/usr/local"], packages: null },
  ];
  const isFirst = ({ roots }: Place, i: number): boolean =>
    found.findIndex((other) => String(other.roots) === String(roots)) === i;
  return found.filter((place, i) => place.roots.some((root) => existsSync(root)) && isFirst(place, i));
}

/** A folder of Python's packages by NVIDIA has the others beside it. */
function rootPlace(name: string, root: string): Place {
  const around = dirname(root);
  return /\/site-packages\/nvidia$/.test(around)
    ? { ...pythonPlace(dirname(around)), name, roots: [root, ...rootsIn(around).filter((each) => each !== root)] }
    : { name, roots: [root], packages: null };
}

const pythonPlace = (packages: string): Place => ({
  name: packages,
  roots: rootsIn(join(packages, "nvidia")),
  packages,
});
const pythonPlaces = (folders: readonly string[]): readonly Place[] =>
  folders.filter((folder) => existsSync(join(folder, "nvidia"))).map(pythonPlace);

const rootsIn = (folder: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name))
    .toSorted();

/** Of a virtual environment. */
function sitePackagesBelow(environment: string): readonly string[] {
  const lib = join(environment, "lib");
  if (!existsSync(lib)) return [];
  return readdirSync(lib)
    .filter((name) => /^python3\.\d+$/.test(name))
    .map((name) => join(lib, name, "site-packages"));
}

/** Of the Python that is called `python3`. */
async function sitePackagesOfPython(): Promise<readonly string[]> {
  const program = "import json, sys; print(json.dumps([p for p in sys.path if p.endswith('-packages')]))";
  const { stdout, failed } = await execa("python3", ["-c", program], { reject: false, stdin: "ignore" });
  return failed ? [] : JSON.parse(stdout);
}

/** The folder above the `bin` that holds the nvcc of PATH. */
function nvccInPath(): string | null {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, "nvcc");
    try {
      accessSync(path, constants.X_OK);
      return dirname(dirname(realpathSync(path)));
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
