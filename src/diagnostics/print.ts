// Diagnostics as code frames: the place with its line, the calls that led there, and the way out.
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { styleText } from "node:util";
import type { Origin } from "../ir/origin.js";
import type { Diagnostic } from "./diagnostic.js";

type Style = Parameters<typeof styleText>[0];

/** Of a long way of calls, so many are shown at each end. */
const callsShown = 8;

/** `inColour` only where a terminal shows it. File names are relative to `folder`. */
export function printDiagnostic(diagnostic: Diagnostic, folder: string, inColour: boolean): string {
  const paint = (style: Style, text: string): string =>
    inColour ? styleText(style, text, { validateStream: false }) : text;
  const { id, message, help, origin } = diagnostic;
  const lines = [`${paint("red", "error")} ${paint("dim", id)}: ${paint("bold", message)}`];
  if (origin) lines.push(...frame(origin, folder, paint));
  const calls: string[] = [];
  for (let call = origin?.caller ?? null, from = origin; call && from; from = call, call = call.caller)
    calls.push(`  ${paint("dim", `in ${from.inside || "the module"}, called from`)} ${placeText(call, folder)}`);
  const numHidden = calls.length - 2 * callsShown;
  if (numHidden > 1) calls.splice(callsShown, numHidden, `  ${paint("dim", `… ${numHidden} more calls …`)}`);
  lines.push(...calls);
  if (help !== null) lines.push(`${paint("cyan", "help")}: ${help}`);
  return `${lines.join("\n")}\n`;
}

const placeText = ({ place }: Origin, folder: string): string =>
  `${relative(folder, place.file)}:${place.line}:${place.column}`;

function frame(origin: Origin, folder: string, paint: (style: Style, text: string) => string): readonly string[] {
  const { place } = origin;
  const head = `  ${paint("cyan", placeText(origin, folder))}`;
  let text: string;
  try {
    text = readFileSync(place.file, "utf8");
  } catch {
    return [head];
  }
  const line = text.split("\n")[place.line - 1]!;
  const width = String(place.line).length;
  const length = Math.max(1, Math.min(place.end - place.start, line.length - place.column + 1));
  const bar = paint("dim", "|");
  return [
    head,
    `${" ".repeat(width + 2)}${bar}`,
    ` ${paint("dim", String(place.line))} ${bar} ${line}`,
    `${" ".repeat(width + 2)}${bar} ${" ".repeat(place.column - 1)}${paint("red", "~".repeat(length))}`,
  ];
}

/** One object a diagnostic, for tools. */
export const diagnosticJson = ({ id, message, help, origin }: Diagnostic): object => {
  const calls: object[] = [];
  for (let at = origin; at; at = at.caller)
    calls.push({ file: at.place.file, line: at.place.line, column: at.place.column, inside: at.inside });
  return { id, message, help, place: calls[0] ?? null, callers: calls.slice(1) };
};
