#!/usr/bin/env node
// The program `dreamc`.
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { dreamc } from "./command-line.js";
import { processInvocation } from "./invocation.js";

// A build is over in seconds, and most of what V8 would optimize in it ends before that pays: at its own pace it would
// spend more time on optimizing than the compiler needs, on the core where g++ or the garbage collector should run.
setFlagsFromString("--interrupt-budget=400000");
setFlagsFromString("--max-inlined-bytecode-size-cumulative=300");

// Where scripts/setup.sh puts MPI and oneDNN on a machine whose packages it may not install.
const tools = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "dreamc", "tools", "bin");
if (existsSync(tools)) process.env.PATH = `${tools}${delimiter}${process.env.PATH ?? ""}`;

const invocation = processInvocation();
process.exitCode = await dreamc(process.argv.slice(2), invocation);
if (invocation.endedBy) {
  // Whoever waits for us, such as a shell's loop, learns that it was a signal.
  process.removeAllListeners(invocation.endedBy);
  process.kill(process.pid, invocation.endedBy);
}
