// Brings a withdrawal into a state by the commands and facts that lead there, for the tests of the domain.
import type { WithdrawalId } from "../src/ids.ts";
import type { Finding, RiskVerdict } from "../src/policy.ts";
import { decide, evolve } from "../src/withdrawal.ts";
import type { ConflictProof, Withdrawal, WithdrawalCommand, WithdrawalFact } from "../src/withdrawal-events.ts";

export const id = "w-1" as WithdrawalId;
export const untilMs = 1_000;
export const proof: ConflictProof = {
  spentOutpoint: "aa:0",
  conflictingTxid: "bb",
  confirmations: 6,
  requiredConfirmations: 6,
};

export const finding = (verdict: RiskVerdict): Finding => ({ rule: "RULE", verdict, reason: "why", evidence: {} });
export const judge = (nowMs: number, ...verdicts: readonly RiskVerdict[]): WithdrawalCommand => ({
  type: "judge",
  nowMs,
  findings: verdicts.map(finding),
});
export const record = (fact: WithdrawalFact): WithdrawalCommand => ({ type: "record", fact });

/** Runs commands that all have to be allowed. */
export function given(...commands: readonly WithdrawalCommand[]): Withdrawal {
  const withdrawal = commands.reduce<Withdrawal | null>((before, command) => {
    const decided = decide(command, before);
    if (!decided.ok) throw new Error(`given ${command.type}: ${decided.refusal.code}`);
    return decided.value.reduce<Withdrawal | null>(evolve, before);
  }, null);
  if (withdrawal === null) throw new Error("given nothing");
  return withdrawal;
}

export const received: WithdrawalCommand = { type: "receive", nowMs: 1, id };
export const cleared = [received, judge(2, { kind: "clear" })];
export const planned = [...cleared, record({ type: "planned", atMs: 3, attempt: 1 })];
export const signing = [...planned, record({ type: "signing", atMs: 4, attempt: 1 })];
export const signed = [...signing, record({ type: "signed", atMs: 5, attempt: 1 })];
export const broadcast = [...signed, record({ type: "broadcast", atMs: 6 })];
export const confirming = [...broadcast, record({ type: "included", atMs: 7, revision: 7 })];
