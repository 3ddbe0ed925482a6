// What a launch is for, in the user's terms: the module, the ops, and the line of the user's source.
import { fileURLToPath } from "node:url";
import type { Origin } from "../../src/ir/origin.js";
import type { LaunchOrigin } from "../../src/ir/scheduled.js";
import { cppComment } from "../cpp-text.js";
import type { SourceLines } from "../host/source-lines.js";
import { packageFolder } from "../package-folder.js";

/** Fused kernels come from many lines; the first ones say where to look. */
const mostLines = 3;

/** The innermost place that is not in dreamc's own library: the line that the user wrote. */
export function userOrigin(origin: Origin | null): Origin | null {
  const library = fileURLToPath(new URL("src/language/", packageFolder));
  for (let at = origin; at; at = at.caller) if (!at.place.file.startsWith(library)) return at;
  return origin;
}

/** Comment lines above a launch: `model.blocks.*.mlp: add, geluTanh`, below it the source lines. */
export function launchComment(from: readonly LaunchOrigin[], lines: SourceLines): readonly string[] {
  const scopes = distinct(from.map(({ scope }) => scope)).filter((scope) => scope !== "");
  const ops = distinct(from.map(({ op }) => op));
  const places = distinct(from.map(({ origin }) => lines.describe(userOrigin(origin)) ?? "")).filter(
    (place) => place !== "",
  );
  const head = [scopes.join(", "), ops.join(", ")].filter((part) => part !== "").join(": ");
  const rest = places.length > mostLines ? [`and ${places.length - mostLines} more lines`] : [];
  return [head, ...places.slice(0, mostLines), ...rest].filter((line) => line !== "").map(cppComment);
}

const distinct = (texts: readonly string[]): readonly string[] => [...new Set(texts)];
