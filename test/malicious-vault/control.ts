// The untampered control: a task is found good, all three holders sign it, each pair makes a transaction that verifies.
import { combineSignatures, finalisePayout } from "@sluice/chains";
import { HOLDERS } from "@sluice/contracts";
import { judgeAnswer, toPartial } from "@sluice/second-opinion";
import { finaliseByOracle, readByOracle } from "../../packages/chains/test/oracle.ts";
import { type Draft, orderOf, sealOrder, sealTask, wallet } from "./honest.ts";
import type { Party } from "./party.ts";

/**
 * Through the zone, with what it alone names as anchors, and all three holders; throws where anything falls short.
 * Returns what the holders' journals said.
 */
export function signHonestly(party: Party, draft: Draft, nowMs?: number): readonly ("first" | "again")[] {
  const verdict = party.judgeTask(sealTask(draft), nowMs);
  if (verdict.kind !== "signed") throw new Error(`the control ${draft.taskId} is ${verdict.kind} with ${verdict.code}`);
  const answers = HOLDERS.map((holder) => {
    const signed = party.judgeOrder(holder, sealOrder(orderOf(withAnchors(party, draft), holder)), nowMs);
    if (signed.kind !== "signed") throw new Error(`${holder} does not sign the control: ${signed.code}`);
    const answer = judgeAnswer(signed.answer, draft.psbt, wallet);
    if (answer.kind !== "signatures") throw new Error(`${holder}'s signatures do not verify: ${answer.code}`);
    const partial = toPartial(signed.answer, draft.psbt, wallet);
    if (partial === null) throw new Error("verified signatures are read");
    return { outcome: signed.outcome, partial };
  });
  // Signed for the first time, every pair of holders is asked; after that one pair, each in its turn.
  const isFirst = answers.some(({ outcome }) => outcome === "first");
  turn += 1;
  for (const without of isFirst ? answers : answers.slice(turn % 3, (turn % 3) + 1)) {
    const pair = answers.filter((answer) => answer !== without).map(({ partial }) => partial);
    expectTransaction(draft, combineSignatures(draft.psbt, pair, wallet.descriptor));
  }
  return answers.map(({ outcome }) => outcome);
}

let turn = 0;

/** As the zone remembers them: it named each anchor once, with the withdrawal's first transaction. */
function withAnchors(party: Party, draft: Draft): Draft {
  const anchors = party.memory.anchors();
  const withdrawals = draft.withdrawals.map((one) => {
    const anchor = anchors.get(one.id);
    if (anchor === undefined) throw new Error(`${one.id} was ordered without an anchor`);
    return { ...one, anchor };
  });
  return { ...draft, withdrawals };
}

/** Our own finaliser and the other implementation, which verifies each signature by its own digest, agree on the bytes. */
function expectTransaction(draft: Draft, combined: ReturnType<typeof combineSignatures>): void {
  if (!combined.ok) throw new Error(combined.refusal.code);
  const final = finalisePayout(draft.psbt, combined.value.psbt, wallet.descriptor);
  if (!final.ok) throw new Error(final.refusal.code);
  const theirs = Buffer.from(finaliseByOracle(combined.value.psbt));
  if (!theirs.equals(final.value.transaction)) throw new Error("two implementations make two transactions of it");
  if (final.value.txid !== readByOracle(draft.psbt)?.txid) throw new Error("another transaction was signed");
}
