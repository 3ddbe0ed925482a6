// Where dreamc itself is installed: templates and the runtime's sources lie there, beside the compiled TypeScript.
import { existsSync, readFileSync } from "node:fs";

function findPackage(from: URL): URL {
  for (let folder = new URL("./", from); ; folder = new URL("../", folder)) {
    const manifest = new URL("package.json", folder);
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name === "dreamc") return folder;
    if (folder.pathname === "/") throw new Error(`no package.json of dreamc above ${from.pathname}`);
  }
}

/** The folder with dreamc's own package.json. */
export const packageFolder: URL = findPackage(new URL(import.meta.url));

/** dreamc's version, from its package.json. */
export const packageVersion: string = JSON.parse(readFileSync(new URL("package.json", packageFolder), "utf8")).version;
