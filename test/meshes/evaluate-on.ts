// The odd trainers, evaluated for a mesh.
import { meshSettings } from "../../src/cli/verify/asked-mesh.js";
import { degreesOf, meshOf } from "../../src/ir/mesh.js";
import type { Program } from "../../src/ir/program.js";
import { evaluate } from "../../src/phases/1-evaluate/evaluate.js";
import type { MeshCase } from "./meshes.js";

export function evaluateOn({ model, degrees, more = {} }: MeshCase): Program<"logical"> {
  const settings = new Map([
    ...meshSettings(degreesOf(meshOf(degrees))),
    ...Object.entries(more).map(([entry, value]) => [`deviceParameters.${entry}`, String(value)] as const),
  ]);
  return evaluate(`test/meshes/trainers/${model}.ts`, { checkTypes: false, settings });
}
