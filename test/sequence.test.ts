// The order of the suite: what it names is there, and nothing that computes alone comes before what starts processes.
import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { LONGEST, rankOf } from "./sequence.ts";

it("names files that are there, each once", () => {
  expect(LONGEST.filter((file) => !existsSync(new URL(`../${file}`, import.meta.url)))).toEqual([]);
  expect(new Set(LONGEST).size).toBe(LONGEST.length);
});

it("starts the longest first, and what only computes last", () => {
  const files = [
    "packages/core/src/ledger.test.ts",
    "packages/bridge/test/bridge.test.ts",
    "services/vault/test/lanes.test.ts",
    "services/vault/src/config.test.ts",
    "test/tally.test.ts",
    ...LONGEST.toReversed(),
  ];
  expect(files.toSorted((left, right) => rankOf(left) - rankOf(right))).toEqual([
    ...LONGEST,
    "test/tally.test.ts",
    "services/vault/test/lanes.test.ts",
    "packages/bridge/test/bridge.test.ts",
    "packages/core/src/ledger.test.ts",
    "services/vault/src/config.test.ts",
  ]);
});
