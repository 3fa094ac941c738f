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
    // Files share a worker and what it has loaded: a process of its own costs each a third of a second of processor time. None
    // changes what another one reads.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
