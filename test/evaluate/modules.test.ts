// Several files that import each other give what they give in Node.
import { join } from "node:path";
import { expect, it } from "vitest";
import { inEvaluation } from "../../src/phases/1-evaluate/evaluate.js";
import { result } from "./modules/entry.js";

it("modules are linked and evaluated as in Node", () => {
  const entry = join(import.meta.dirname, "modules/entry.ts");
  const evaluated = inEvaluation(entry, { checkTypes: false }, ({ exported }) => exported("result"));
  expect(evaluated).toEqual(result);
});
