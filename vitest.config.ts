import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/sequence.ts";

// One start of the real parts is shared by every test file: test/setup.ts puts their addresses into the environment.
export default defineConfig({
  test: {
    include: [
      "packages/**/*.test.ts",
      "services/**/*.test.ts",
      "test/**/*.test.ts",
      "demo/**/*.test.ts",
      "bench/**/*.test.ts",
    ],
    globalSetup: ["test/setup.ts"],
    pool: "forks",
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
