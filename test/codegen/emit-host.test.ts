// Host code reads as the user wrote it and runs as JavaScript does.
import { expect, test } from "vitest";
import { emitHost } from "../../codegen/host/emit-host.js";
import { handMadeProgram } from "./hand-made-program.js";

test("loops, named parts and kept variables become one readable struct", () => {
  expect(emitHost(handMadeProgram, new Map())).toMatchSnapshot();
});
