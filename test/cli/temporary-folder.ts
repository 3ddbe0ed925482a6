// A folder for one test file, removed behind it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "dreamc-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
