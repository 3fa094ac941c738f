// What proves that a withdrawal can never be paid: one row a missing part, in order; and for any facts, never a wrong yes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConflictFacts, nearestConflict, proveConflict, type SpentInput } from "./conflict-proof.ts";

const [OURS, MAKER, THIEF, OTHER] = ["11", "22", "33", "44"].map((pair) => pair.repeat(32)) as [
  string,
  string,
  string,
  string,
];
const ANCHOR = `${MAKER}:1`;
const BURIED: SpentInput = {
  ...{ ofTransactionId: OURS, outpoint: ANCHOR, transactionId: THIEF, own: false, blockHash: "b" },
  ...{ confirmations: 6, requiredConfirmations: 6 },
};
const facts = (change: Partial<ConflictFacts> = {}): ConflictFacts => {
  return { anchor: ANCHOR, ownTransactionIds: [OURS], spent: [BURIED], ...change };
};
const spent = (change: Partial<SpentInput>) => facts({ spent: [{ ...BURIED, ...change }] });

describe("the proof", () => {
  it("is complete when a stranger's transaction has spent the anchor and is final", () => {
    expect(proveConflict(facts(), THIEF)).toEqual({
      ok: true,
      value: { spentOutpoint: ANCHOR, conflictingTxid: THIEF, confirmations: 6, requiredConfirmations: 6 },
    });
  });

  it("is complete when what makes the anchor has lost an input of its own", () => {
    expect(proveConflict(spent({ ofTransactionId: MAKER, outpoint: `${OTHER}:0` }), THIEF)).toMatchObject({ ok: true });
  });

  it.each<[string, ConflictFacts, string?]>([
    ["ANCHOR_UNKNOWN", facts({ anchor: null })],
    ["CONFLICT_UNKNOWN", facts({ spent: [] })],
    ["CONFLICT_UNKNOWN", facts(), OTHER],
    ["CONFLICT_IS_OURS", facts({ ownTransactionIds: [OURS, THIEF] })],
    ["CONFLICT_IS_OURS", spent({ own: true })],
    ["CONFLICT_NOT_AT_ANCHOR", spent({ outpoint: `${MAKER}:2` })],
    ["CONFLICT_IN_NO_BLOCK", spent({ blockHash: "", confirmations: 0 })],
    ["PROOF_TOO_SHALLOW", spent({ confirmations: 5 })],
    ["PROOF_TOO_SHALLOW", spent({ confirmations: 0, requiredConfirmations: 0 })],
  ])("is refused with %s", (code, known, named = THIEF) => {
    expect(proveConflict(known, named)).toMatchObject({ ok: false, refusal: { code } });
  });

  it("names the nearest of several", () => {
    const several = facts({
      spent: [
        { ...BURIED, transactionId: OTHER, blockHash: "", confirmations: 0 },
        { ...BURIED, confirmations: 2 },
      ],
    });
    expect(nearestConflict(several)).toMatchObject({ conflictingTxid: THIEF, missing: { code: "PROOF_TOO_SHALLOW" } });
    expect(nearestConflict(facts())).toEqual({ conflictingTxid: THIEF, missing: null });
    expect(nearestConflict(facts({ spent: [] }))).toBeNull();
  });

  it("is never given unless a foreign, final transaction spends the anchor or an input of what makes it", () => {
    const txid = fc.constantFrom(OURS, MAKER, THIEF, OTHER);
    const input: fc.Arbitrary<SpentInput> = fc.record({
      ofTransactionId: txid,
      outpoint: txid.map((id) => `${id}:1`),
      transactionId: txid,
      own: fc.boolean(),
      blockHash: fc.constantFrom("", "b"),
      confirmations: fc.nat(3),
      requiredConfirmations: fc.nat(3),
    });
    const any = fc.record({
      anchor: fc.option(fc.constant(ANCHOR)),
      ownTransactionIds: fc.subarray([OURS, THIEF]),
      spent: fc.array(input, { maxLength: 4 }),
    });
    let given = 0;
    fc.assert(
      fc.property(any, txid, (known, named) => {
        if (!proveConflict(known, named).ok) return;
        given += 1;
        expect(known.ownTransactionIds).not.toContain(named);
        const reason = known.spent.some(
          (each) =>
            each.transactionId === named &&
            !each.own &&
            each.blockHash !== "" &&
            each.confirmations >= 1 &&
            each.confirmations >= each.requiredConfirmations &&
            (each.outpoint === known.anchor || each.ofTransactionId === MAKER),
        );
        expect(reason).toBe(true);
      }),
      { numRuns: 20_000 },
    );
    expect(given).toBeGreaterThan(100);
  });
});
