import { defineConfig } from "vitest/config";

// The rules of the house alone: no real part is started for them.
export default defineConfig({ test: { include: ["test/tidy/**/*.test.ts"], testTimeout: 60_000 } });
