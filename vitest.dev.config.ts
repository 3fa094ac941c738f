import { defineConfig } from "vitest/config";

// For work on one package: uses real parts that are already up and whose addresses are in the environment.
export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    exclude: ["**/node_modules/**"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
