// What people and tools read of a verification.
import { relative } from "node:path";
import type { Diagnostic } from "../../diagnostics/diagnostic.js";
import { diagnosticJson, printDiagnostic } from "../../diagnostics/print.js";
import { describeDegrees } from "./asked-mesh.js";
import type { Comparison, GradientComparison, MetricComparison } from "./compare-runs.js";
import type { FirstDifference } from "./first-difference.js";
import type { Failed, Verified } from "./verify-trainer.js";

const mostShown = 8;

/** A short table, and where the programs begin to differ. */
export function describeVerified(verified: Verified, inColour: boolean): string {
  const { name, degrees, numRanks, precision, standIns, comparison, difference, isEqual } = verified;
  const { steps } = comparison;
  const lines = [
    `${name}: ${describeDegrees(degrees)} (${numRanks} ranks) against one device, ` +
      `${count(steps.alone, "step")}, ${precision === "f32" ? "float32" : precision}`,
    ...[...standIns].map(([loader, reason]) => `  ${loader} reads random data: ${reason}`),
    "",
    ...metricLines(comparison.metrics),
    "",
    ...gradientLines(comparison),
    ...weightLines(comparison),
    "",
  ];
  if (steps.here !== steps.alone) lines.push(`${count(steps.here, "step")} here, ${steps.alone} on one device`);
  lines.push(isEqual ? "equal" : "different");
  const text = `${lines.join("\n")}\n`;
  if (isEqual) return text;
  return `${text}\n${printDiagnostic(diagnosticOf(difference), process.cwd(), inColour)}`;
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;
const short = (error: number): string => (Number.isNaN(error) ? "none" : error === 0 ? "0" : error.toExponential(0));

/** Metrics of training in each step; of many steps the first, the last, and those that differ. */
function metricLines(metrics: readonly MetricComparison[]): readonly string[] {
  const lastStep = Math.max(...metrics.map(({ step }) => step));
  const shown = metrics.filter(({ step, isEqual }) => step <= mostShown || step === lastStep || !isEqual);
  const cells = shown.map(({ event, step, name, here, alone, error, isEqual }) => [
    String(step),
    event === "train" ? name : `${name} (${event})`,
    show(here),
    show(alone),
    short(error),
    isEqual ? "" : "<- differs",
  ]);
  return table([["step", "", "mesh", "one device", "off by", ""], ...cells]);
}

const show = (x: number): string => String(Number(x.toPrecision(8)));

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ")}`.trimEnd());
}

function gradientLines({ gradients }: Comparison): readonly string[] {
  const differing = gradients.filter(({ isEqual }) => !isEqual);
  const numNames = new Set(gradients.map(({ name }) => name)).size;
  const numSteps = new Set(gradients.map(({ step }) => step)).size;
  const all = `${numNames} gradients in ${count(numSteps, "step")}`;
  if (differing.length === 0) {
    const worst = gradients.reduce<GradientComparison | null>((a, b) => (a && a.error >= b.error ? a : b), null);
    return [`  ${all}: off by ${short(worst?.error ?? 0)} at most${worst && worst.error > 0 ? ` (${at(worst)})` : ""}`];
  }
  const more = differing.length - mostShown;
  return [
    `  ${all}: ${differing.length} of ${gradients.length} differ`,
    ...differing
      .slice(0, mostShown)
      .map(
        (each) =>
          `    ${at(each)}  ${Number.isNaN(each.error) ? "missing, or not a number" : `off by ${short(each.error)}`}`,
      ),
    ...(more > 0 ? [`    and ${more} more`] : []),
  ];
}

const at = ({ name, step }: GradientComparison): string => `${name}, step ${step}`;

function weightLines({ differentFirstWeights }: Comparison): readonly string[] {
  if (differentFirstWeights.length === 0) return ["  first weights: the same to the last bit"];
  const shown = differentFirstWeights.slice(0, mostShown).join(", ");
  return [`  first weights differ: ${shown}${differentFirstWeights.length > mostShown ? ", ..." : ""}`];
}

function diagnosticOf(difference: FirstDifference | null): Diagnostic {
  if (difference === null)
    return {
      id: "verify-differs",
      message:
        "the programs differ, but with every value observed they do not, nor does the mesh's program on one device",
      help:
        "either a hook for the mesh changes what is computed, or dreamc does something wrong that being looked at " +
        "mends; please report it with the trainer that shows it",
      origin: null,
    };
  const { graph, step, seen, error, collective, numEqual } = difference;
  const rounds = seen.rounds.map(({ round, count: all }) => `, round ${round + 1} of ${all}`).join("");
  const what = seen.value.name === "" ? "a value" : seen.value.name;
  const where = `${seen.scope === "" ? graph : `${seen.scope} in ${graph}`}${rounds}`;
  return {
    id: "verify-differs",
    message: `in step ${step}, ${what} is the first value that differs (off by ${short(error)}): ${where}`,
    help:
      `${numEqual} values before it are equal; ` +
      (collective === null
        ? "no collective comes before it"
        : `the collective before it is ${collectiveText(collective)}`) +
      "; this is a fault of dreamc's own: please report it with the trainer that shows it",
    origin: seen.origin,
  };
}

function collectiveText({ move, inputs: [before], origin }: NonNullable<FirstDifference["collective"]>): string {
  const name = before.name === "" ? "a value" : before.name;
  const place = origin === null ? "" : ` (${relative(process.cwd(), origin.place.file)}:${origin.place.line})`;
  return `the ${move.what} of ${name} over ${move.axis}${place}`;
}

/** What a program said before it ended with an error. */
export const describeFailed = ({ mesh, exitCode, said }: Failed): string =>
  `the program for ${mesh} ended with ${exitCode === null ? "a signal" : `exit code ${exitCode}`}, and said:\n${said}\n`;

/** One object, for tools. */
export function verifiedJson({ standIns, difference, isEqual, ...rest }: Verified): object {
  return {
    isEqual,
    ...rest,
    standIns: Object.fromEntries(standIns),
    difference:
      isEqual || difference === null
        ? null
        : {
            step: difference.step,
            graph: difference.graph,
            value: difference.seen.value.name,
            scope: difference.seen.scope,
            rounds: difference.seen.rounds.map(({ round }) => round),
            error: difference.error,
            collective: difference.collective && {
              kind: difference.collective.move.what,
              axis: difference.collective.move.axis,
              of: difference.collective.inputs[0].name,
            },
            ...diagnosticJson(diagnosticOf(difference)),
          },
  };
}
