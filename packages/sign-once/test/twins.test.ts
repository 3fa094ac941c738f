// A known limit, found by the simulation (seed 43370 then): twins, two withdrawals with one address and one amount, when vault
// and semi-offline-risk are both in enemy hands. Bytes do not say which of the twins an output pays, so two holders can be told
// different things of one transaction, and the rule of the common anchor is kept by each holder alone.
import { expect, test } from "vitest";
import { decideSigning, SignedHistory, type SigningIntent } from "../src/sign-once.ts";

const intent = (transactionId: string, input: string, withdrawalId: string): SigningIntent => ({
  ...{ taskId: `${transactionId} for ${withdrawalId}`, walletId: "hot", transactionId, inputs: [input] },
  withdrawals: [{ withdrawalId, anchor: input }],
});

test("KNOWN LIMIT: an enemy zone has three transactions signed for two twins", () => {
  const holders = [new SignedHistory(), new SignedHistory(), new SignedHistory()];
  const sign = (at: number, asked: SigningIntent) => {
    const history = holders[at] ?? new SignedHistory();
    const decided = decideSigning(history, asked);
    if (decided.ok) history.add(asked);
    return decided.ok;
  };
  // Holder 0 is told that transaction 1 pays w1, holder 1 that it pays w2.
  const first = [sign(0, intent("1", "x:0", "w1")), sign(1, intent("1", "x:0", "w2"))];
  const second = [sign(0, intent("2", "y:0", "w2")), sign(2, intent("2", "y:0", "w2"))];
  const third = [sign(1, intent("3", "z:0", "w1")), sign(2, intent("3", "z:0", "w1"))];
  // When this fails the limit is gone: then let the simulation draw twins for an enemy zone too (test/simulation/steps.ts).
  expect([first, second, third]).toEqual([
    [true, true],
    [true, true],
    [true, true],
  ]);
});
