// NVIDIA's compiler and libraries on this machine, as one set that goes together: nvcc decides, the libraries are those
// beside it or, where it has none, the first ones of the same CUDA.
import { MissingTool } from "../missing-tool.js";
import { type ComponentName, componentNames, type Found, findIn, installedTwice } from "./components.js";
import { installLines } from "./install-lines.js";
import { type Place, places } from "./places.js";

export interface Search {
  /** What was found of each; in what is missing there is nothing. */
  readonly found: ReadonlyMap<ComponentName, Found>;
  readonly missing: readonly ComponentName[];
  /** Parts that do not go together, as whole sentences. */
  readonly conflicts: readonly string[];
  /** What installs what is missing, or a set that goes together; empty where nothing is wrong. */
  readonly help: readonly string[];
}
export type Toolkit = ReadonlyMap<ComponentName, Found>;

/** What is there. */
export async function searchToolkit(): Promise<Search> {
  const all = await places();
  const nvcc = await first("nvcc", all, null);
  const found = new Map<ComponentName, Found>(nvcc === null ? [] : [["nvcc", nvcc]]);
  const nearest = nvcc === null ? all : [nvcc.place, ...all.filter((place) => place !== nvcc.place)];
  for (const name of componentNames) {
    if (name === "nvcc") continue;
    const component = await first(name, nearest, nvcc);
    if (component !== null) found.set(name, component);
  }
  const missing = componentNames.filter((name) => !found.has(name));
  const conflicts = [...found.values()].flatMap((component) => conflictsOf(component, nvcc));
  const help = missing.length + conflicts.length === 0 ? [] : installLines(missing, conflicts.length > 0, nvcc);
  return { found, missing, conflicts, help };
}

/** The first one that goes with the compiler; where none does, the first one. */
async function first(name: ComponentName, among: readonly Place[], nvcc: Found | null): Promise<Found | null> {
  let other: Found | null = null;
  for (const place of among) {
    const found = await findIn(name, place);
    if (found === null) continue;
    if (goesWith(found, nvcc)) return found;
    other ??= found;
  }
  return other;
}

/** cudart belongs to one release of nvcc, the others to its major version. */
function goesWith({ name, cuda }: Found, nvcc: Found | null): boolean {
  if (nvcc === null || cuda === null) return true;
  return name === "cudart" || name === "nvcc" ? cuda === nvcc.cuda : majorOf(cuda) === majorOf(nvcc.cuda!);
}

export const majorOf = (version: string): number => Number.parseInt(version, 10);

function conflictsOf(component: Found, nvcc: Found | null): readonly string[] {
  const { name, version, cuda, place } = component;
  const twice = installedTwice(place).get(name);
  return [
    ...(goesWith(component, nvcc)
      ? []
      : [
          `${name} ${version} in ${place.name} is for CUDA ${cuda}, nvcc in ${nvcc!.place.name} is CUDA ${nvcc!.cuda}: they do not go together`,
        ]),
    ...(twice === undefined
      ? []
      : [
          `${place.name} has ${name} for CUDA ${twice.join(" and ")}: the packages wrote over each other's files; remove both and install one`,
        ]),
  ];
}

/** A set of at least these parts that goes together. Throws a `MissingTool` that says what to install. */
export async function findToolkit(needed: readonly ComponentName[] = componentNames): Promise<Toolkit> {
  const { found, missing, conflicts, help } = await searchToolkit();
  const lacking = missing.filter((name) => needed.includes(name));
  const names = found.size === 0 ? "the CUDA toolkit" : lacking.join(", ");
  if (lacking.length > 0) throw new MissingTool(names, help.join("\n  "));
  if (conflicts.length > 0)
    throw new MissingTool("a CUDA toolkit of one version", [...conflicts, ...help].join("\n  "));
  return found;
}
