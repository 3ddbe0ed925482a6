// Every mesh as a program under mpirun, in float32: losses and gradient norms of five steps within 1e-5 of one rank's,
// every gradient of every step within 1e-4, first weights the same to the last bit.
import { beforeAll, describe, expect, test } from "vitest";
import { compareRuns, float32Tolerances } from "../../src/cli/verify/compare-runs.js";
import { buildSide, prepareSide, runSide, type SideRun } from "../../src/cli/verify/side.js";
import { makeStandIns, withStandIns } from "../../src/cli/verify/stand-in-data.js";
import { degreesOf, meshOf, numRanks } from "../../src/ir/mesh.js";
import { temporaryFolder } from "../cli/temporary-folder.js";
import { evaluateOn } from "./evaluate-on.js";
import { type MeshCase, meshCases, nameOf } from "./meshes.js";

const numSteps = 5;
const folder = temporaryFolder();
const signal = new AbortController().signal;

/** Of each model, random tokens that all its programs read. */
const data = new Map<string, ReadonlyMap<string, string>>();

async function run(each: MeshCase): Promise<SideRun> {
  const program = evaluateOn(each);
  const side = prepareSide(withStandIns(program, data.get(each.model)!), numRanks(degreesOf(meshOf(each.degrees))), {
    observesValues: false,
    change: null,
  });
  const name = nameOf(each).replaceAll(/[^A-Za-z0-9]+/g, "-");
  const built = await buildSide(side, name, { folder, signal, onCompileRuntime: () => {} });
  return await runSide({ program: built, mesh: nameOf(each), numRanks: side.numRanks }, numSteps, signal);
}

describe.each(["gpt", "llama"] as const)("%s", (model) => {
  let alone: SideRun;
  beforeAll(async () => {
    data.set(model, (await makeStandIns(evaluateOn({ model, degrees: {} }), folder, model)).paths);
    alone = await run({ model, degrees: {} });
    expect(alone.events.filter(({ event }) => event === "train").length).toBe(numSteps);
  });
  const cases = meshCases
    .filter((each) => each.model === model && Object.keys(each.degrees).length > 0)
    .map((each) => ({ name: nameOf(each), each }));
  const check = async ({ each }: (typeof cases)[number]): Promise<void> => {
    const { isEqual, ...found } = compareRuns(await run(each), alone, float32Tolerances);
    expect(found.differentFirstWeights).toEqual([]);
    expect(found.metrics.filter((metric) => !metric.isEqual)).toEqual([]);
    expect(found.gradients.filter((gradient) => !gradient.isEqual)).toEqual([]);
    expect(isEqual).toBe(true);
  };
  test.each(cases)("$name", check);
});
