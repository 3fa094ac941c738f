// The counts of a run, taken from real runs whose tests fail in every way there is.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { renderTally } from "./tally.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

function runFixtures(...filters: readonly string[]): {
  readonly lastLine: string | undefined;
  readonly exitCode: number | null;
} {
  const args = ["test/run.ts", "--config", "test/fixtures/tally.config.ts", ...filters];
  // Nothing of this run's environment: the runner inside must not take itself for a part of the one outside.
  const env = { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" };
  const { stdout, status } = spawnSync(process.execPath, args, { cwd: root, env, encoding: "utf8" });
  return { lastLine: stdout.split("\n").at(-2), exitCode: status };
}

test("a failed test, a failed hook, a file that does not load and an error of nobody each count", () => {
  expect(runFixtures()).toEqual({ lastLine: "4 passed, 4 failed, 2 skipped", exitCode: 1 });
});

test("an error that belongs to no test fails a run whose tests all passed", () => {
  expect(runFixtures("unhandled")).toEqual({ lastLine: "1 passed, 1 failed", exitCode: 1 });
});

test("a file that does not load fails a run by itself", () => {
  expect(runFixtures("unloadable")).toEqual({ lastLine: "0 passed, 1 failed", exitCode: 1 });
});

test("a run in which everything passes ends well, and one without a test does not", () => {
  expect(runFixtures("passing")).toEqual({ lastLine: "1 passed, 0 failed", exitCode: 0 });
  expect(runFixtures("no-such-file")).toEqual({ lastLine: "0 passed, 1 failed", exitCode: 1 });
});

test("skipped tests are named only when there are any", () => {
  expect(renderTally({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
  expect(renderTally({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
});
