// Fills a template with a view. Handlebars prints nothing for what is missing, so the view is walked first: a value
// that is null or undefined anywhere in it is a fault of dreamc.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Handlebars from "handlebars";
import { packageFolder } from "./package-folder.js";

export type View = { readonly [name: string]: ViewValue };
export type ViewValue = string | number | boolean | View | readonly ViewValue[];

const templates = new Map<string, Handlebars.TemplateDelegate>();

/** The text of `templates/<name>.hbs` with the fields of `view`. */
export function render(name: string, view: View): string {
  checkView(view, name);
  return templateOf(name)(view);
}

function templateOf(name: string): Handlebars.TemplateDelegate {
  const known = templates.get(name);
  if (known) return known;
  const file = fileURLToPath(new URL(`templates/${name}.hbs`, packageFolder));
  const template = Handlebars.compile(readFileSync(file, "utf8"), {
    noEscape: true,
    strict: true,
    knownHelpersOnly: true,
    explicitPartialContext: true,
  });
  templates.set(name, template);
  return template;
}

function checkView(value: unknown, path: string): void {
  if (value === null || value === undefined) throw new TypeError(`the view of a template has nothing at ${path}`);
  if (typeof value !== "object") return;
  for (const [key, inner] of Object.entries(value)) checkView(inner, `${path}.${key}`);
}
