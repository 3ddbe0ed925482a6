// Two groups: tests of the compiler run beside each other; then tests that build programs and start their ranks, one file
// after the other, since those want all cores.
import { defineConfig } from "vitest/config";

const programs = ["test/programs/**/*.test.ts", "test/pytorch/**/*.test.ts", "test/docs/**/*.test.ts", "test/meshes/emitted.test.ts", "test/cli/build.test.ts"];

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 300_000,
    pool: "forks",
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: { name: "compiler", include: ["test/**/*.test.ts"], exclude: programs, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: "programs",
          include: programs,
          fileParallelism: false,
          testTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
