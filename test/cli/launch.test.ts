// How `dreamc run` starts programs: the command for each machine, exit codes, signals.
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { launch, launchCommand, type Machine } from "../../src/cli/launch.js";
import { MissingTool } from "../../src/native/missing-tool.js";
import { temporaryFolder } from "./temporary-folder.js";

const folder = temporaryFolder();
const laptop: Machine = { numCores: 4, isRoot: false, inSlurm: false, mpirunVersion: "mpirun (Open MPI) 4.1.4\n" };

describe("the command", () => {
  test("one rank needs no launcher", () => {
    expect(launchCommand("build/gpt/gpt", ["--seed", "1"], 1, { ...laptop, mpirunVersion: null })).toEqual([
      ...["build/gpt/gpt", "--seed", "1"],
    ]);
  });
  test("mpirun, with yielding where ranks outnumber cores, and as root only if it is root", () => {
    const few = launchCommand("gpt", ["--plan"], 4, laptop).join(" ");
    expect(few).toMatch(/^mpirun .*-np 4 gpt --plan$/);
    expect(few).toContain("--bind-to none");
    expect(few).toContain("--mca btl_vader_single_copy_mechanism none");
    expect(few).not.toContain("mpi_yield_when_idle");
    expect(few).not.toContain("--allow-run-as-root");
    const many = launchCommand("gpt", [], 5, { ...laptop, isRoot: true }).join(" ");
    expect(many).toContain("--oversubscribe");
    expect(many).toContain("--mca mpi_yield_when_idle 1");
    expect(many).toContain("--allow-run-as-root");
  });
  test("another MPI gets none of Open MPI's options", () => {
    const machine = { ...laptop, mpirunVersion: "HYDRA build details:\n    Version: 4.1\n" };
    expect(launchCommand("gpt", [], 2, machine)).toEqual(["mpirun", "-np", "2", "gpt"]);
  });
  test("srun inside a Slurm allocation", () => {
    const [file, ...args] = launchCommand("gpt", ["--plan"], 8, { ...laptop, inSlurm: true });
    expect([file, args.includes("--ntasks"), args.slice(-2)]).toEqual(["srun", true, ["gpt", "--plan"]]);
  });
  test("no mpirun", () => {
    expect(() => launchCommand("gpt", [], 2, { ...laptop, mpirunVersion: null })).toThrow(MissingTool);
  });
});

describe("the program", () => {
  test("its exit code is ours", async () => {
    expect(await launch(["sh", "-c", "exit 0"])).toBe(0);
    expect(await launch(["sh", "-c", "exit 7"])).toBe(7);
    expect(await launch(["sh", "-c", "kill -TERM $$"])).toBe(143);
  });
  test("a program that cannot be started", async () => {
    await expect(launch([join(folder, "nothing")])).rejects.toThrow("ENOENT");
  });
});
