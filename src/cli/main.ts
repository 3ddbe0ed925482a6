#!/usr/bin/env node
// The program `dreamc`.
import { dreamc } from "./command-line.js";
import { processInvocation } from "./invocation.js";

process.exitCode = await dreamc(process.argv.slice(2), processInvocation());
