// A text that changes whenever dreamc itself does: its own files, and the versions of what it is made with.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { packageFolder, packageVersion } from "../../../codegen/package-folder.js";
import { filesIn } from "../files-in.js";

/** Whose output is in a program. */
const dependencies = ["typescript", "ts-morph", "zod", "handlebars"];
/** Of the package's folder; the library that programs are written with is read, and noted, with every program. */
const ownFolders = ["templates", "runtime-cuda"];

export function ownFingerprint(): string {
  const hash = createHash("sha256");
  const root = fileURLToPath(packageFolder);
  hash.update(`dreamc ${packageVersion}, Node ${process.versions.node}\n`);
  for (const name of dependencies) hash.update(`${name} ${versionOf(name)}\n`);
  for (const folder of [compiledFolder(root), ...ownFolders.map((name) => join(root, name))]) {
    for (const path of filesIn(folder)) {
      hash.update(`${path}\n`);
      hash.update(readFileSync(join(folder, path)));
    }
  }
  return hash.digest("base64url");
}

/** What Node runs: `dist`, or the sources under test. */
function compiledFolder(root: string): string {
  const own = fileURLToPath(import.meta.url);
  return own.startsWith(join(root, "src") + sep)
    ? join(root, "src")
    : fileURLToPath(new URL("../../../", import.meta.url));
}

function versionOf(dependency: string): string {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(dependency) ?? []) {
    const manifest = join(folder, dependency, "package.json");
    if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, "utf8")).version;
  }
  throw new Error(`${dependency} is not installed beside dreamc`);
}
