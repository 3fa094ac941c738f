// What several mempools make together: no single one of them decides.
import type { MempoolEntry } from "@sluice/chain-watch";
import { expect, test } from "vitest";
import { agreedSpenders, middleEntry } from "./mempools.ts";

const entry = (feeSat: bigint): MempoolEntry => ({
  ...{ vbytes: 100, feeSat, descendants: 0, incrementalSatPerKvbyte: 1_000n },
  ...{ withAncestors: { vbytes: 100, feeSat }, withDescendants: { vbytes: 100, feeSat } },
});

test("a transaction is in the mempools when a quorum has it, and the entry in the middle counts", () => {
  expect(middleEntry([entry(500n), null, null], 2)).toBeNull();
  expect(middleEntry([entry(500n), null, entry(300n)], 2)).toEqual(entry(300n));
  expect(middleEntry([entry(900_000n), entry(500n), entry(1n)], 2)).toEqual(entry(500n));
  expect(middleEntry([entry(7n)], 1)).toEqual(entry(7n));
});

test("who spends an outpoint is what a quorum says", () => {
  const honest = new Map([["a:0", "one"]]);
  const answers = [honest, new Map([["a:0", "other"]]), honest];
  expect(agreedSpenders(answers, ["a:0", "b:1"], 2)).toEqual(honest);
  expect(agreedSpenders(answers.slice(0, 2), ["a:0"], 2).size).toBe(0);
});
