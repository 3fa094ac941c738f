// How far change may go, and that the wallet knows its own addresses however many were used.
import { deriveScript } from "@sluice/chains";
import { describe, expect, it } from "vitest";
import { makePolicy, makeSeals, makeTask, makeWallet, noHistory, request } from "./fixtures.ts";
import { findStrayIndex, highestChangeIndexOf } from "./judge-indexes.ts";
import { judgeTask, readTask } from "./judge-task.ts";
import type { History } from "./judgement.ts";

const NOW_MS = 1_800_000_000_000;
const { wallet } = makeWallet(20);
const { wallet: other } = makeWallet(20, "hot-2");
const wallets = new Map([wallet, other].map((each) => [each.walletId, each]));
const seals = makeSeals();

/** What the whole verdict says of a task whose change goes there. */
function verdict(changeIndex: number, history: Partial<History> = {}, address?: string): readonly string[] {
  const requests = [request("w1", address === undefined ? {} : { address })];
  const task = makeTask(seals, wallet, { changeIndex, clearedAtMs: NOW_MS, requests });
  const reading = readTask(task, { trust: seals.trust, wallets });
  if (reading.kind === "refuse") return reading.findings.map(({ rule }) => rule);
  const judged = judgeTask(reading.read, makePolicy(), { ...noHistory(NOW_MS), ...history }, NOW_MS);
  return judged.kind === "refuse" ? judged.findings.map(({ rule }) => rule) : [judged.kind];
}

describe("change", () => {
  it("may go a gap limit beyond the highest that was ordered, and not further", () => {
    const STRAY = ["OUTPUT_CLAIM_BEYOND_GAP_LIMIT"];
    expect([verdict(0), verdict(19), verdict(20), verdict(999_999)]).toEqual([["sign"], ["sign"], STRAY, STRAY]);
    const after = { changeIndexes: new Map([["hot", 5_000]]) };
    expect([verdict(5_020, after), verdict(5_021, after)]).toEqual([["sign"], STRAY]);
    expect(verdict(3, after)).toEqual(["sign"]);
  });

  it("is no change from a million on, whatever was ordered", () => {
    expect(verdict(1_000_000, { changeIndexes: new Map([["hot", 999_999]]) })).toEqual([
      "OUTPUT_CLAIM_BEYOND_GAP_LIMIT",
    ]);
  });

  it("counts by its highest output", () => {
    const at = (pathIndex: number) => ({ index: 0, branch: 1, pathIndex, amountSat: 1n }) as const;
    expect(highestChangeIndexOf({ change: [] })).toBeNull();
    expect(highestChangeIndexOf({ change: [at(3), at(9), at(4)] })).toBe(9);
    expect(findStrayIndex({ wallet, wallets }, { change: [at(3), at(20)] }, [], {})?.kind).toBe("refuse");
  });
});

describe("a payment to a wallet of our own", () => {
  const address = (index: number, of = wallet) => deriveScript(of.descriptor, 1, index).address;

  it("is found a gap limit beyond the highest index that was ordered", () => {
    const after = { changeIndexes: new Map([["hot", 100]]) };
    expect(verdict(0, {}, address(19))).toEqual(["PAYMENT_TO_OWN_WALLET"]);
    expect(verdict(101, after, address(19))).toEqual(["PAYMENT_TO_OWN_WALLET"]);
    expect(verdict(101, after, address(100))).toEqual(["PAYMENT_TO_OWN_WALLET"]);
    expect(verdict(101, after, address(120))).toEqual(["PAYMENT_TO_OWN_WALLET"]);
  });

  it("is found in each of them, whichever pays, by that wallet's own highest index", () => {
    const OWN = ["PAYMENT_TO_OWN_WALLET"];
    expect([verdict(0, {}, address(19, other)), verdict(0, {}, address(20, other))]).toEqual([OWN, ["sign"]]);
    const after = { changeIndexes: new Map([["hot-2", 100]]) };
    expect([verdict(0, after, address(100, other)), verdict(0, after, address(120, other))]).toEqual([OWN, OWN]);
    // What was ordered in one wallet says nothing of how far the other has come.
    expect(verdict(0, after, address(100))).toEqual(["sign"]);
    expect(verdict(20, after)).toEqual(["OUTPUT_CLAIM_BEYOND_GAP_LIMIT"]);
  });
});
