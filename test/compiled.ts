// dreamc as Node runs it, for tests of whole processes: signals, pipes, exit codes. The sources of this very moment,
// without a type check; never an older `dist`.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The compiled main.ts. */
export function compiledDreamc(): string {
  const hash = createHash("sha256");
  for (const folder of ["src", "codegen"]) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) hash.update(`${path}\n${readFileSync(path, "utf8")}`);
    }
  }
  const place = join(root, ".cache", `compiled-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(place)) compile(place);
  return join(place, "src", "cli", "main.js");
}

function compile(place: string): void {
  const unfinished = `${place}.${process.pid}`;
  const args = ["-p", "tsconfig.build.json", "--noCheck", "--sourceMap", "false", "--outDir", unfinished];
  const { status, stdout, stderr } = spawnSync(join(root, "node_modules", ".bin", "tsc"), args, {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`tsc failed: ${stdout}${stderr}`);
  for (const name of readdirSync(join(root, ".cache")))
    if (/^compiled-[0-9a-f]{16}$/.test(name)) rmSync(join(root, ".cache", name), { recursive: true, force: true });
  // Another test file may have been quicker.
  if (existsSync(place)) rmSync(unfinished, { recursive: true, force: true });
  else renameSync(unfinished, place);
}
