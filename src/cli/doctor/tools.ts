// Every tool that dreamc uses: what it is needed for, how to find it, what to install where it is missing.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

export type Purpose = "building" | "testing" | "cuda";
export type PackageManager = "apt-get" | "dnf" | "pacman";

export interface Found {
  readonly version: string;
  readonly path: string;
  /** Why this version does not do; null: it does. */
  readonly problem: string | null;
}
export interface Tool {
  readonly name: string;
  readonly purpose: Purpose;
  readonly find: () => Found | null;
  readonly packages: { readonly [M in PackageManager]: string } | null;
  /** For what no package manager brings. */
  readonly otherwise: string;
}

/** What a command prints, or null if it is not there or fails. */
function output(command: string, args: readonly string[], input = ""): string | null {
  // A header with all that it includes is longer than what Node takes by itself.
  const maxBuffer = 64 * 2 ** 20;
  const { stdout, stderr, status, error } = spawnSync(command, args, { encoding: "utf8", input, maxBuffer });
  return error || status !== 0 ? null : stdout || stderr;
}

/** The file that a command's name means. */
function which(command: string): string | null {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, command);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

const numbers = /\d+(\.\d+)+/;

/** A command that prints its version. */
function command(name: string, args: readonly string[], isRight: (version: string) => string | null = () => null) {
  return (): Found | null => {
    const path = which(name);
    const text = path === null ? null : output(path, args);
    if (path === null || text === null) return null;
    const version = numbers.exec(text)?.[0] ?? "";
    return { version, path, problem: isRight(version) };
  };
}

/** A header that the compiler finds, with the version that its macros say. */
function header(file: string, macros: readonly string[]) {
  return (): Found | null => {
    const mpiFlags = (output("mpicxx", ["--showme:compile"]) ?? "").trim().split(/\s+/).filter(Boolean);
    const flags = ["-E", "-dD", "-x", "c++", ...mpiFlags, "-"];
    const text = output("g++", flags, `#include <${file}>\n`);
    if (text === null) return null;
    const value = (macro: string): string => new RegExp(`^#define ${macro}\\s+(\\d+)`, "m").exec(text)?.[1] ?? "?";
    const base = file.split("/").at(-1)!.replace(".", "\\.");
    const path = new RegExp(`^# \\d+ "(/[^"]*/${base})"`, "m").exec(text)?.[1] ?? file;
    return { version: macros.map(value).join("."), path, problem: null };
  };
}

const atLeast =
  (major: number) =>
  (version: string): string | null =>
    Number.parseInt(version, 10) >= major ? null : `version ${major} or newer is needed`;

const mpirun = (): Found | null => {
  const found = command("mpirun", ["--version"])();
  const wrapper = which("mpicxx");
  if (found === null || wrapper === null) return null;
  const isOpenMpi = (output(found.path, ["--version"]) ?? "").includes("Open MPI");
  return { ...found, problem: isOpenMpi ? null : "another MPI than Open MPI is untried" };
};

export const tools: readonly Tool[] = [
  {
    name: "Node.js",
    purpose: "building",
    find: () => ({ version: process.versions.node, path: process.execPath, problem: null }),
    packages: null,
    otherwise: "https://nodejs.org/en/download",
  },
  {
    name: "g++",
    purpose: "building",
    find: command("g++", ["--version"], atLeast(12)),
    packages: { "apt-get": "g++", dnf: "gcc-c++", pacman: "gcc" },
    otherwise: "https://gcc.gnu.org",
  },
  {
    name: "Open MPI",
    purpose: "building",
    find: mpirun,
    packages: { "apt-get": "openmpi-bin libopenmpi-dev", dnf: "openmpi-devel", pacman: "openmpi" },
    otherwise: "https://www.open-mpi.org",
  },
  {
    name: "oneDNN",
    purpose: "building",
    find: header("dnnl.h", ["DNNL_VERSION_MAJOR", "DNNL_VERSION_MINOR", "DNNL_VERSION_PATCH"]),
    packages: { "apt-get": "libdnnl-dev", dnf: "onednn-devel", pacman: "onednn" },
    otherwise: "https://github.com/uxlfoundation/oneDNN",
  },
  {
    name: "CMake",
    purpose: "testing",
    find: command("cmake", ["--version"]),
    packages: { "apt-get": "cmake make", dnf: "cmake make", pacman: "cmake make" },
    otherwise: "https://cmake.org",
  },
  {
    name: "doctest",
    purpose: "testing",
    find: header("doctest/doctest.h", ["DOCTEST_VERSION_MAJOR", "DOCTEST_VERSION_MINOR", "DOCTEST_VERSION_PATCH"]),
    packages: { "apt-get": "doctest-dev", dnf: "doctest-devel", pacman: "doctest" },
    otherwise: "https://github.com/doctest/doctest",
  },
  {
    name: "Boost.Context",
    purpose: "testing",
    find: header("boost/context/fiber.hpp", ["BOOST_VERSION"]),
    packages: { "apt-get": "libboost-context-dev", dnf: "boost-devel", pacman: "boost" },
    otherwise: "https://www.boost.org",
  },
];

/** The first one on this machine. */
export const packageManager = (): PackageManager | null =>
  (["apt-get", "dnf", "pacman"] as const).find((name) => which(name) !== null) ?? null;
