// NVIDIA's tools on made-up machines: folders with headers, library files and an nvcc that says its version.
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { driverProblem } from "../../src/cli/doctor/cuda-findings.js";
import { chooseArchitectures } from "../../src/native/cuda/architectures.js";
import { findToolkit, searchToolkit } from "../../src/native/cuda/find-toolkit.js";
import type { Driver } from "../../src/native/cuda/gpus.js";
import { parseKernelReports } from "../../src/native/cuda/kernel-report.js";
import { refuseSpills } from "../../src/native/cuda/refuse-spills.js";
import { runDreamc } from "./command-line.js";
import { temporaryFolder } from "./temporary-folder.js";

const folder = temporaryFolder();
const names = ["CUDA_HOME", "CUDA_PATH", "VIRTUAL_ENV", "XDG_CACHE_HOME", "PATH"] as const;
const before = Object.fromEntries(names.map((name) => [name, process.env[name]]));

/** A virtual environment, and the folder of its packages. */
let environment: string;
let packages: string;
beforeEach(() => {
  environment = mkdtempSync(join(folder, "venv-"));
  packages = join(environment, "lib", "python3.11", "site-packages");
  for (const name of names) delete process.env[name];
  Object.assign(process.env, {
    VIRTUAL_ENV: environment,
    XDG_CACHE_HOME: join(folder, "cache"),
    PATH: "/usr/bin:/bin",
  });
});
afterEach(() => {
  for (const name of names) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
});

function write(path: string, text: string): void {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}

function installNvcc(root: string, release: string): void {
  const path = join(root, "bin", "nvcc");
  const says = `Cuda compilation tools, release ${release}, V${release}.86`;
  const list = "sm_75\nsm_80\nsm_86\nsm_90\nsm_100";
  write(path, `#!/bin/sh\ncase $1 in --list-gpu-code) printf '${list}\\n';; *) echo '${says}';; esac\n`);
  chmodSync(path, 0o755);
}
function installRuntime(root: string, version: number): void {
  write(join(root, "include", "cuda_runtime.h"), "");
  write(join(root, "include", "cuda_runtime_api.h"), `#define CUDART_VERSION  ${version}\n`);
  write(join(root, "lib", "libcudart_static.a"), "");
}
function installBlas(root: string, major: number): void {
  write(join(root, "include", "cublasLt.h"), "");
  const macros = `#define CUBLAS_VER_MAJOR ${major}\n#define CUBLAS_VER_MINOR 4\n#define CUBLAS_VER_PATCH 1\n`;
  write(join(root, "include", "cublas_api.h"), macros);
  write(join(root, "lib", `libcublasLt.so.${major}`), "");
}
function installOthers(cuda: number, which: readonly ("cudnn" | "nccl")[] = ["cudnn", "nccl"]): void {
  for (const name of which) {
    const [header, prefix, last, major] =
      name === "cudnn" ? ["cudnn_version.h", "CUDNN", "PATCHLEVEL", 9] : ["nccl.h", "NCCL", "PATCH", 2];
    write(join(packages, "nvidia", name, "include", `${name}.h`), "");
    const macros = `#define ${prefix}_MAJOR ${major}\n#define ${prefix}_MINOR 3\n#define ${prefix}_${last} 1\n`;
    write(join(packages, "nvidia", name, "include", header as string), macros);
    write(join(packages, "nvidia", name, "lib", `lib${name}.so.${major}`), "");
    mkdirSync(join(packages, `nvidia_${name}_cu${cuda}-${major}.3.1.dist-info`));
  }
}
const toolkitRoot = (): string => join(packages, "nvidia", "cu13");
function installWhole(): void {
  installNvcc(toolkitRoot(), "13.2");
  installRuntime(toolkitRoot(), 13020);
  installBlas(toolkitRoot(), 13);
  installOthers(13);
}

describe("a set", () => {
  test("of an active environment is found, with its versions", async () => {
    installWhole();
    const { found, missing, conflicts, help } = await searchToolkit();
    expect([...found.values()].map(({ name, version }) => `${name} ${version}`)).toEqual([
      ...["nvcc 13.2.86", "cudart 13.2", "cuBLASLt 13.4.1", "cuDNN 9.3.1", "NCCL 2.3.1"],
    ]);
    expect({ missing, conflicts, help }).toEqual({ missing: [], conflicts: [], help: [] });
  });
  test("is found from a CUDA_HOME among Python's packages, with what lies beside it", async () => {
    installWhole();
    delete process.env.VIRTUAL_ENV;
    process.env.CUDA_HOME = toolkitRoot();
    expect((await searchToolkit()).missing).toEqual([]);
  });
  test("without cuDNN and NCCL: the line that installs those two, for this nvcc's CUDA", async () => {
    installNvcc(toolkitRoot(), "13.0");
    installRuntime(toolkitRoot(), 13000);
    installBlas(toolkitRoot(), 13);
    const { missing, help } = await searchToolkit();
    expect(missing).toEqual(["cuDNN", "NCCL"]);
    expect(help).toEqual(["pip install nvidia-cudnn-cu13 nvidia-nccl-cu13"]);
    await expect(findToolkit()).rejects.toThrow("cuDNN, NCCL is not on this machine");
    expect((await findToolkit(["cudart", "cuBLASLt"])).size).toBe(3);
  });
  test("without cuBLASLt: its part of the toolkit, of the release that is there", async () => {
    installNvcc(toolkitRoot(), "13.0");
    installRuntime(toolkitRoot(), 13000);
    installOthers(13);
    expect((await searchToolkit()).help).toEqual(['pip install "cuda-toolkit[cublas]==13.0.*"']);
  });
  test("of nothing: one line for everything", async () => {
    delete process.env.VIRTUAL_ENV;
    const { missing, help } = await searchToolkit();
    expect(missing.length).toBe(5);
    expect(help[0]).toContain(
      '/tools/bin/pip install "cuda-toolkit[nvcc,cccl,cudart,cublas]==13.2.2" nvidia-cudnn-cu13',
    );
  });
});

describe("parts that do not go together", () => {
  const problem = async (): Promise<string> => (await searchToolkit()).conflicts.join("\n");

  test("cuBLASLt of another CUDA", async () => {
    installWhole();
    installNvcc(toolkitRoot(), "12.9");
    installRuntime(toolkitRoot(), 12090);
    expect(await problem()).toMatch(
      /^cuBLASLt 13\.4\.1 in .* is for CUDA 13, nvcc in .* is CUDA 12\.9: they do not go/m,
    );
    await expect(findToolkit()).rejects.toMatchObject({ tool: "a CUDA toolkit of one version" });
  });
  test("a runtime of another release", async () => {
    installWhole();
    installRuntime(toolkitRoot(), 13000);
    expect(await problem()).toMatch(/^cudart 13\.0 in .* nvcc in .* is CUDA 13\.2/);
  });
  test("cuDNN for CUDA 12", async () => {
    installNvcc(toolkitRoot(), "13.2");
    installRuntime(toolkitRoot(), 13020);
    installBlas(toolkitRoot(), 13);
    installOthers(12, ["cudnn"]);
    installOthers(13, ["nccl"]);
    expect(await problem()).toMatch(/^cuDNN 9\.3\.1 in .* is for CUDA 12, nvcc/);
  });
  test("packages of NCCL for two CUDAs, which write over each other", async () => {
    installWhole();
    mkdirSync(join(packages, "nvidia_nccl_cu12-2.3.1.dist-info"));
    expect(await problem()).toMatch(/has NCCL for CUDA 12 and 13: the packages wrote over each other's files/);
  });
  test("a driver older than nvcc; within a major version any is new enough", () => {
    const driver = { version: "550.1", gpus: [] };
    expect(driverProblem({ ...driver, cuda: "12.4" }, "13.2")).toContain("older than nvcc");
    expect(driverProblem({ ...driver, cuda: "13.0" }, "13.2")).toBe(null);
  });
});

test("an --arch that nvcc does not know is told with all that it knows; known ones come in order", async () => {
  installNvcc(toolkitRoot(), "13.2");
  const nvcc = join(toolkitRoot(), "bin", "nvcc");
  const choose = (asked: string | null, driver: Driver | null = null) => chooseArchitectures(asked, driver, nvcc);
  await expect(choose("sm_80,sm_99")).rejects.toMatchObject({
    asked: "sm_99",
    known: ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100"],
  });
  expect(await choose("sm_100, sm_90a,sm_100")).toEqual(["sm_90a", "sm_100"]);
  expect(await choose(null)).toEqual(["sm_80", "sm_90"]);
  const gpu = { name: "GPU", computeCapability: "8.6", memoryMiB: 1 };
  expect(await choose(null, { version: "580.1", cuda: "13.0", gpus: [gpu, gpu] })).toEqual(["sm_86"]);
});

test("doctor says what is there for GPUs, and the line that installs the rest", async () => {
  installNvcc(toolkitRoot(), "13.0");
  const { out } = await runDreamc("doctor");
  expect(out).toMatch(/ok +CUDA compiler +13\.0\.86 +\//);
  expect(out).toContain("missing  NCCL");
  expect(out).toContain('pip install "cuda-toolkit[cudart,cccl,cublas]==13.0.*" nvidia-cudnn-cu13 nvidia-nccl-cu13');
});

test("what ptxas says of kernels; a spill is refused by name", () => {
  const kernel = (symbol: string, arch: string, spill: number): string =>
    `ptxas info    : Compiling entry function '${symbol}' for '${arch}'\n` +
    `ptxas info    : Function properties for ${symbol}\n` +
    `    16 bytes stack frame, ${spill} bytes spill stores, ${2 * spill} bytes spill loads\n` +
    "ptxas info    : Used 40 registers, used 1 barriers, 400 bytes smem, 360 bytes cmem[0]\n";
  const lean = parseKernelReports(`ptxas info    : 0 bytes gmem\n${kernel("_Z1aPf", "sm_80", 0)}`);
  const numbers = { registers: 40, sharedBytes: 400, stackBytes: 16, spillBytes: 0 };
  expect(lean).toEqual([{ symbol: "_Z1aPf", architecture: "sm_80", ...numbers }]);
  expect(() => refuseSpills(lean)).not.toThrow();
  expect(() => refuseSpills(parseKernelReports(kernel("_Z6lnBackPf", "sm_90", 8)))).toThrow(
    "lnBack for sm_90: 24 bytes, with 40 registers",
  );
});
