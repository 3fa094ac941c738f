// What `pnpm test` runs: every test file, then one line with the counts, taken from the runner's own result.

import { fileURLToPath } from "node:url";
import { createVitest, parseCLI } from "vitest/node";
import { countRun, renderTally } from "./tally.ts";

// Hundreds of processes run the same code: what one has compiled the next ones find.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("../node_modules/.cache/compiled", import.meta.url));

// Stopped from outside: ending this process ends the parts that it started and removes their folder.
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));

const { filter, options } = parseCLI(["vitest", "run", ...process.argv.slice(2)]);
const vitest = await createVitest({ ...options, run: true, watch: false });

const errors: unknown[] = [];
try {
  await vitest.start(filter);
} catch (error) {
  errors.push(error);
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
const modules = vitest.state.getTestModules();
errors.push(...vitest.state.getUnhandledErrors());
await vitest.close().catch((error: unknown) => errors.push(error));

const tally = countRun(modules, errors.length);
// The runner notices faults that belong to no test, such as one while it closes, and says so only in the exit code.
const silentFault = tally.failed === 0 && process.exitCode !== undefined && process.exitCode !== 0;
const counted = silentFault ? { ...tally, failed: 1 } : tally;
process.stdout.write(`${renderTally(counted)}\n`, () => {
  process.exit(counted.failed > 0 || counted.passed === 0 ? 1 : 0);
});
