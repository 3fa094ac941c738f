// Judges several withdrawals in the transaction that has locked them: what an earlier one takes counts for the later ones.
import type { Sealer } from "@sluice/contracts";
import { decide, type Finding, type RiskVerdict, strictest, type WithdrawalEvent } from "@sluice/core";
import { findAll } from "@sluice/online-rules";
import type { Transaction } from "@sluice/postgres";
import { applyAll } from "@sluice/progress";
import type { Stored } from "@sluice/risk-memory";
import { type Batch, type FactSources, gather } from "./facts.ts";

/** `waitedMs` is from the receipt to the judgement. */
export type Judged = { readonly verdict: RiskVerdict["kind"]; readonly waitedMs: number };

export type BatchOptions = FactSources & {
  readonly sealer: Sealer;
  /** Of the policy; whoever calls has read it in this transaction, after it held off whoever suspends or activates. */
  readonly policyVersion: number;
};

export type BatchJudged = {
  readonly judged: readonly Judged[];
  /** Those that could not be judged, and why. They stay as they were, and the others do not notice. */
  readonly failed: readonly { readonly id: string; readonly error: unknown }[];
};

/**
 * The same verdicts as if each had been judged in a transaction of its own, one after the other. Some of the last ones may be
 * left for the next batch, never the first.
 */
export async function judgeBatch(
  tx: Transaction,
  options: BatchOptions,
  taken: readonly Stored[],
): Promise<BatchJudged> {
  const batch = await gather(tx, options, taken);
  const [decided, judged, failed]: [Decision[], Judged[], BatchJudged["failed"][number][]] = [[], [], []];
  for (const [at, stored] of batch.items.entries()) {
    try {
      const decision = judgeOne(batch, options, stored, at);
      decided.push(decision);
      judged.push({ verdict: strictest(decision.findings).kind, waitedMs: decision.nowMs - stored.receivedAtMs });
    } catch (error) {
      failed.push({ id: stored.id, error });
    }
  }
  const told = { policyVersion: options.policyVersion };
  await applyAll(
    tx,
    options.sealer,
    decided.map(({ stored, events }) => ({ stored, events, told })),
  );
  return { judged, failed };
}

type Decision = {
  readonly stored: Stored;
  readonly events: readonly WithdrawalEvent[];
  readonly findings: readonly Finding[];
  readonly nowMs: number;
};

function judgeOne(batch: Batch, { policy }: FactSources, stored: Stored, at: number): Decision {
  const facts = batch.factsOf(at);
  const findings = findAll(policy, facts);
  const { nowMs } = facts;
  const decided = decide({ type: "judge", nowMs, findings }, stored);
  if (!decided.ok) throw new Error(`${stored.id} was taken to be judged: ${decided.refusal.detail}`);
  for (const { type } of decided.value) {
    if (type === "cleared") batch.cleared(at);
    if (type === "rejected") batch.rejected(at);
  }
  return { stored, events: decided.value, findings, nowMs };
}
