// A withdrawal as the API shows it.
import type { FeeQuotes, WithdrawalDetails, WithdrawalSummary } from "@sluice/client/api";
import { nearestConflict } from "@sluice/core";
import type { Expected, ExpectedMs, Quote } from "@sluice/online-rules";
import { PEOPLE_TO_FAIL } from "@sluice/progress";
import type { Failing, Stored, Whole } from "@sluice/risk-memory";

export function summaryOf(stored: Stored): WithdrawalSummary {
  const { id, account, asset, address, state, detail, revision, confirmations, receivedAtMs, changedAtMs } = stored;
  return {
    ...{ id, account, asset, amount: stored.amountMinor.toString(), address, state, detail, revision },
    ...{ priority: stored.priority, fee: { payer: stored.feePayer, amount: stored.feeMinor.toString() } },
    ...{ txid: stored.transactionId, confirmations, receivedAtMs, changedAtMs },
  };
}

export function feesOf(
  asset: string,
  quotes: readonly (Quote & { readonly expectedMs: ExpectedMs | null })[],
): FeeQuotes {
  return {
    asset,
    quotes: quotes.map(({ feeMinor, satPerKvbyte, ...quote }) => ({
      ...quote,
      amount: feeMinor.toString(),
      satPerKvbyte: satPerKvbyte.toString(),
    })),
  };
}

export function detailsOf(
  { stored, history, findings, failing, requestBody }: Whole,
  expected?: Expected | null,
): WithdrawalDetails {
  const timings: WithdrawalDetails["timings"] = Object.fromEntries(
    // Entered from the newest to the oldest, so that the first time of each state stays; other clocks may be behind ours.
    history.toReversed().map(({ state, atMs }) => [state, Math.max(0, atMs - stored.receivedAtMs)]),
  );
  return {
    ...summaryOf(stored),
    requiredConfirmations: stored.requiredConfirmations,
    notBeforeMs: stored.state === "held" || stored.state === "delayed" ? stored.notBeforeMs : null,
    approvals: { required: stored.approvalsRequired, by: stored.approvedBy },
    ...(expected === undefined ? {} : { expected }),
    ...(requestBody === null ? {} : { requestBody }),
    ...(failing.facts.spent.length + failing.words.length === 0 ? {} : { failure: failureOf(failing) }),
    findings,
    history,
    timings,
  };
}

/** One that was stored in this transaction: nothing else is known of it yet. */
export function receivedOf(stored: Stored, body: Uint8Array): WithdrawalDetails {
  const { state, changedAtMs: atMs, detail } = stored;
  const failing: Failing = { facts: { anchor: null, ownTransactionIds: [], spent: [] }, words: [] };
  const requestBody = Buffer.from(body).toString("utf8");
  return detailsOf({ stored, history: [{ state, atMs, detail }], findings: [], failing, requestBody });
}

function failureOf({ facts, words }: Failing): NonNullable<WithdrawalDetails["failure"]> {
  const nearest = nearestConflict(facts);
  return {
    ...{
      conflictingTxid: nearest?.conflictingTxid ?? null,
      missing: nearest?.missing ?? null,
      required: PEOPLE_TO_FAIL,
    },
    said: words.map(({ keyId: by, reason, conflictingTransactionId: conflictingTxid, saidAtMs: atMs }) => {
      return { by, reason, conflictingTxid, atMs };
    }),
  };
}
