// Every reason of a node has its action, and several nodes' reasons make one conclusion only when a quorum draws it.

import { STOPS_LANE } from "@sluice/chain-watch";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concludeSending, type NodeOutcome, REJECTIONS, type RejectionAction, rejectionOf } from "./rejections.ts";

// As the nodes say it: testmempoolaccept's reason, or sendrawtransaction's message with its details.
const SAID: readonly (readonly [string, RejectionAction, string])[] = [
  ["txn-already-in-mempool", "have", "IN_MEMPOOL"],
  ["txn-same-nonwitness-data-in-mempool", "have", "IN_MEMPOOL"],
  ["txn-already-known", "have", "IN_CHAIN"],
  ["Transaction outputs already in utxo set", "have", "IN_CHAIN"],
  ["Transaction already in block chain", "have", "IN_CHAIN"],
  ["missing-inputs", "look", "INPUT_MISSING_OR_SPENT"],
  ["bad-txns-inputs-missingorspent", "look", "INPUT_MISSING_OR_SPENT"],
  ["min relay fee not met, 0 < 110", "fee", "FEE_BELOW_RELAY"],
  ["mempool min fee not met, 110 < 1200", "fee", "FEE_BELOW_MEMPOOL"],
  ["mempool full", "fee", "MEMPOOL_FULL"],
  [
    "insufficient fee, rejecting replacement 00ab, less fees than conflicting txs",
    "replacement",
    "REPLACEMENT_FEE_TOO_LOW",
  ],
  ["insufficient fee (including sibling eviction)", "replacement", "REPLACEMENT_FEE_TOO_LOW"],
  ["replacement-failed", "replacement", "REPLACEMENT_FEE_TOO_LOW"],
  ["too many potential replacements, rejecting replacement 00ab", "replacement", "REPLACEMENT_EVICTS_TOO_MANY"],
  [
    "replacement-adds-unconfirmed, replacement 00ab adds unconfirmed input, idx 1",
    "replacement",
    "REPLACEMENT_ADDS_UNCONFIRMED",
  ],
  ["txn-mempool-conflict", "conflict", "CONFLICT_IN_MEMPOOL"],
  ["non-BIP125-replaceable", "conflict", "CONFLICT_IN_MEMPOOL"],
  ["too-long-mempool-chain, too many unconfirmed ancestors [limit: 25]", "wait", "MEMPOOL_CHAIN_TOO_LONG"],
  ["non-final", "wait", "NOT_FINAL_YET"],
  ["non-BIP68-final", "wait", "NOT_FINAL_YET"],
  ["bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth 3", "wait", "COINBASE_NOT_MATURE"],
  ["bad-txns-input-immature-depth", "wait", "COINBASE_NOT_MATURE"],
  ["dust", "never", "DUST"],
  ["dust-nonzero", "never", "DUST"],
  ["max-fee-exceeded", "never", "FEE_ABSURD"],
  ["Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)", "never", "FEE_ABSURD"],
  ["Unspendable output exceeds maximum configured by user (maxburnamount)", "never", "BURNS_MONEY"],
  ["mandatory-script-verify-flag-failed (Script failed an OP_EQUALVERIFY operation)", "never", "SCRIPT_FAILED"],
  ["mempool-script-verify-flag-failed (Signature must be zero)", "never", "SCRIPT_FAILED"],
  ["non-mandatory-script-verify-flag (Witness program hash mismatch)", "never", "SCRIPT_FAILED"],
  ["bad-witness-nonstandard", "never", "NOT_STANDARD"],
  ["bad-txns-nonstandard-inputs", "never", "NOT_STANDARD"],
  ["bad-txns-too-many-sigops", "never", "NOT_STANDARD"],
  ["version", "never", "NOT_STANDARD"],
  ["tx-size", "never", "NOT_STANDARD"],
  ["tx-size-small", "never", "NOT_STANDARD"],
  ["scriptsig-size", "never", "NOT_STANDARD"],
  ["scriptsig-not-pushonly", "never", "NOT_STANDARD"],
  ["scriptpubkey", "never", "NOT_STANDARD"],
  ["bare-multisig", "never", "NOT_STANDARD"],
  ["multi-op-return", "never", "NOT_STANDARD"],
  ["datacarrier", "never", "NOT_STANDARD"],
  ["txn-datacarrier-exceeded", "never", "NOT_STANDARD"],
  ["txn-spk-reused-change", "never", "NOT_STANDARD"],
  ["bare-pubkey", "never", "NOT_STANDARD"],
  ["TRUC-violation, version=3 tx 00ab is too big", "never", "NOT_STANDARD"],
  ["missing-ephemeral-spends", "never", "NOT_STANDARD"],
  ["coinbase", "never", "INVALID"],
  ["bad-cb-length", "never", "INVALID"],
  ["bad-txns-in-belowout, value in (0.1) < value out (0.2)", "never", "INVALID"],
  ["bad-txns-inputs-duplicate", "never", "INVALID"],
  ["bad-txns-spends-conflicting-tx", "never", "INVALID"],
  ["TX decode failed. Make sure the tx has at least one input.", "never", "INVALID"],
];

describe("a reason", () => {
  it.each(SAID)("%s: %s", (reason, action, code) => expect(rejectionOf(reason)).toEqual({ action, code }));

  it("of every row of the table is among them", () => {
    const shown = new Set(SAID.map(([reason]) => reason));
    const matches = (row: string) =>
      [...shown].some((said) =>
        row.endsWith("*") ? said.startsWith(row.slice(0, -1)) : said.split(/, | \(/)[0] === row,
      );
    expect(REJECTIONS.filter(([row]) => !matches(row)).map(([row]) => row)).toEqual([]);
  });

  it("that nobody knows is no conclusion", () => {
    for (const reason of ["", "because", "missing-inputs-of-a-kind", "dusty", "versions", "min relay fee"]) {
      expect(rejectionOf(reason).action).toBe("unknown");
    }
  });
});

const anyOutcome: fc.Arbitrary<NodeOutcome> = fc
  .constantFrom(...SAID.map(([reason]) => reason), "because")
  .chain((reason) =>
    fc.string({ minLength: 1, maxLength: 3 }).map((node) => ({ node, reason, ...rejectionOf(reason) })),
  );

describe("several nodes' outcomes", () => {
  it("conclude what a quorum says, and whatever a smaller number says is waited for", () => {
    fc.assert(
      fc.property(
        fc.array(anyOutcome, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 5 }),
        (outcomes, quorum) => {
          const concluded = concludeSending(outcomes, quorum);
          const counted = (action: RejectionAction) => outcomes.filter((outcome) => outcome.action === action).length;
          expect(concluded.ok).toBe(counted("have") >= quorum);
          if (concluded.ok) return;
          if (["wait", "unknown"].includes(concluded.action)) {
            const others = ["never", "look", "fee", "replacement", "conflict"] as const;
            if (concluded.code === "NODES_DISAGREE")
              for (const action of others) expect(counted(action)).toBeLessThan(quorum);
          } else expect(counted(concluded.action)).toBeGreaterThanOrEqual(quorum);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("say which nodes have it, and repeat every node's own words", () => {
    const outcomes = [
      { node: "a", reason: "has it", action: "have", code: "ACCEPTED" },
      { node: "b", reason: "mempool full", ...rejectionOf("mempool full") },
    ] as const;
    expect(concludeSending(outcomes, 2)).toEqual({
      ...{ ok: false, action: "wait", code: "NODES_DISAGREE" },
      ...{ reason: "a: has it; b: mempool full", nodes: ["a"] },
    });
    expect(concludeSending(outcomes, 1)).toEqual({ ok: true, nodes: ["a"], inChain: false });
  });
});

describe("what nodes never take", () => {
  it("is told apart: what the next transaction would run into as well stops the lane, the rest is about one payment", () => {
    const never = [...new Set(REJECTIONS.filter(([, action]) => action === "never").map(([, , code]) => code))];
    const stops = never.filter((code) => STOPS_LANE.includes(code)).toSorted();
    expect(stops).toEqual(["BURNS_MONEY", "FEE_ABSURD", "INVALID", "SCRIPT_FAILED"]);
    expect(never.filter((code) => !STOPS_LANE.includes(code)).toSorted()).toEqual(["DUST", "NOT_STANDARD"]);
    expect(STOPS_LANE.filter((code) => !never.includes(code))).toEqual([]);
    const waits = REJECTIONS.filter(([, action, code]) => action !== "never" && STOPS_LANE.includes(code));
    expect(waits).toEqual([]);
  });
});
