// The library's files, parsed once for all programs that the tests of one file evaluate.
import type { ts } from "../../src/phases/1-evaluate/frontend.js";

export const parsed = new Map<string, ts.SourceFile>();
