// How a failed command ends: what standard error says, and the exit code.
import { constants } from "node:os";
import { styleText } from "node:util";
import { CommanderError } from "commander";
import { packageVersion } from "../../codegen/package-folder.js";
import { Diagnosed } from "../diagnostics/diagnostic.js";
import { diagnosticJson, printDiagnostic } from "../diagnostics/print.js";
import { MissingTool } from "../native/missing-tool.js";
import type { Invocation } from "./invocation.js";
import { Interrupted } from "./unfinished-folder.js";
import { UsageError } from "./usage-error.js";

export const exitCodes = { done: 0, userFault: 1, usage: 2, toolMissing: 3, ownFault: 70 } as const;

export interface ReportOptions {
  /** One JSON object a line, for tools. */
  readonly json: boolean;
  /** Print the stack of a fault of dreamc's own. */
  readonly debug: boolean;
}

/** Says on standard error what went wrong, and returns the exit code. */
export function report(fault: unknown, invocation: Invocation, { json, debug }: ReportOptions): number {
  if (fault instanceof CommanderError) {
    if (fault.exitCode === 0) return exitCodes.done;
    // Called without a command: the help was printed.
    if (fault.code === "commander.help") return exitCodes.usage;
  }
  if (fault instanceof Interrupted) {
    invocation.endedBy = fault.signal;
    return 128 + constants.signals[fault.signal];
  }
  if (fault instanceof Diagnosed) {
    const texts = fault.diagnostics.map((diagnostic) =>
      json
        ? `${JSON.stringify(diagnosticJson(diagnostic))}\n`
        : printDiagnostic(diagnostic, process.cwd(), invocation.inColour),
    );
    invocation.error(texts.join(json ? "" : "\n"));
    return exitCodes.userFault;
  }
  const { id, message, help, exitCode, stack } = describe(fault, debug);
  if (json) invocation.error(`${JSON.stringify({ id, message, help, place: null, callers: [] })}\n`);
  else {
    const paint = (style: "red" | "bold" | "cyan", text: string): string =>
      invocation.inColour ? styleText(style, text, { validateStream: false }) : text;
    invocation.error(`${paint("red", "error")}: ${paint("bold", message)}\n`);
    if (help !== null) invocation.error(`${paint("cyan", "help")}: ${help}\n`);
  }
  if (stack !== null) invocation.error(`${stack}\n`);
  return exitCode;
}

interface Description {
  readonly id: string;
  readonly message: string;
  readonly help: string | null;
  readonly exitCode: number;
  readonly stack: string | null;
}

function describe(fault: unknown, debug: boolean): Description {
  if (fault instanceof UsageError)
    return { id: "usage", message: fault.message, help: fault.help, exitCode: exitCodes.usage, stack: null };
  if (fault instanceof MissingTool)
    return {
      id: "tool-missing",
      message: fault.message,
      help: fault.help,
      exitCode: exitCodes.toolMissing,
      stack: null,
    };
  if (fault instanceof CommanderError) return describeWrongUsage(fault);
  const place = describePlace(fault);
  if (place !== null) return place;
  const error = fault instanceof Error ? fault : new Error(String(fault));
  return {
    id: "fault-of-dreamc",
    message: `dreamc ${packageVersion} failed: ${error.message}`,
    help:
      "this is a fault of dreamc's own, not of your program; please report it with the trainer that shows it" +
      (debug ? "" : " (DREAMC_DEBUG=1 shows where it happened)"),
    exitCode: exitCodes.ownFault,
    stack: debug ? (error.stack ?? null) : null,
  };
}

/** Commander's text ends in `(Did you mean ...?)` where it knows a name nearby. */
function describeWrongUsage({ message }: CommanderError): Description {
  const [first = "", ...rest] = message.replace(/^error: /, "").split("\n");
  const hint = rest
    .join(" ")
    .trim()
    .replace(/^\((.*)\)$/, "$1");
  const help = hint === "" ? "dreamc --help shows what there is" : hint.replace(/^Did/, "did");
  return { id: "usage", message: first, help, exitCode: exitCodes.usage, stack: null };
}

const placeFaults: { readonly [code: string]: string } = {
  EACCES: "permission denied",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the quota is used up",
  ENOTDIR: "a part of this path is a file",
  EISDIR: "it is a folder",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "links run in a circle",
};

/** Files that cannot be read or written. A missing file that dreamc itself named is a fault of its own. */
function describePlace(fault: unknown): Description | null {
  const reason = placeReason(fault);
  if (reason === null) return null;
  const path = fault instanceof Error && "path" in fault ? String(fault.path) : null;
  const message = path === null ? `cannot write: ${reason}` : `cannot use ${path}: ${reason}`;
  return { id: "place", message, help: null, exitCode: exitCodes.usage, stack: null };
}

function placeReason(fault: unknown): string | null {
  if (!(fault instanceof Error)) return null;
  // What a compiler says where it can write no more.
  if (fault.message.includes("No space left on device")) return placeFaults.ENOSPC!;
  return "code" in fault && "syscall" in fault ? (placeFaults[String(fault.code)] ?? null) : null;
}
