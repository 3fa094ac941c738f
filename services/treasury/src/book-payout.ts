// Books what core decides about payouts. Refusals of the ledger are alarms: the message is parked for a person.
import {
  decidePayout,
  networkFee,
  type Payout,
  type PayoutCommand,
  type WithdrawalId,
  withdrawalFee,
} from "@sluice/core";
import { OperatingError } from "@sluice/messaging";
import type { Transaction } from "@sluice/postgres";
import {
  bookTransfer,
  listFinalPayers,
  listPayouts,
  lockCharge,
  lockPayout,
  lockTransaction,
  readPayout,
  reverseTransfer,
  savePayout,
} from "./store.ts";

/** Brings the books in step with what the chain says of a transaction now. Nothing to do until it is known what it pays. */
export async function settleTransaction(tx: Transaction, txid: string): Promise<void> {
  const { feeMinor, confirmed } = await lockTransaction(tx, txid);
  if (feeMinor === null) return;
  for (const payout of await listPayouts(tx, txid)) {
    if (confirmed) await bookPayout(tx, txid, "post", payout);
    else if (payout.postedBy === txid) await reopen(tx, txid, payout);
  }
  if (feeMinor === 0n) return;
  const fee = networkFee(txid, "BTC", feeMinor);
  await (confirmed ? bookTransfer(tx, fee) : reverseTransfer(tx, fee));
}

/** What left the best chain is on its way again, unless another transaction that pays it is final by now. */
async function reopen(tx: Transaction, txid: string, payout: Payout): Promise<void> {
  await bookPayout(tx, txid, "reopen", payout);
  const [other] = await listFinalPayers(tx, payout.withdrawalId);
  if (other !== undefined) await bookPayout(tx, other, "post", payout);
}

/** @param txid null where no transaction pays it, as when it has failed */
export async function bookPayout(
  tx: Transaction,
  txid: string | null,
  type: PayoutCommand["type"],
  payout: Payout,
): Promise<void> {
  const booked = await lockPayout(tx, payout.withdrawalId);
  const decision = decidePayout({ type, payout }, booked);
  if (!decision.ok) {
    const { code, detail } = decision.refusal;
    throw new OperatingError(code, "park", `${payout.withdrawalId} in ${txid ?? "no transaction"}: ${detail}`);
  }
  const { transfers, reversed, standing } = decision.value;
  for (const transfer of transfers) await bookTransfer(tx, transfer);
  for (const transfer of reversed) await reverseTransfer(tx, transfer);
  const postedBy = standing === "posted" ? (booked?.postedBy ?? txid) : null;
  await savePayout(tx, txid, { ...payout, standing, postedBy });
  await bookCharge(tx, payout.withdrawalId);
}

/**
 * The customer is charged once, as long as the withdrawal is paid and the quote is known, whichever comes last. Whoever
 * changes either holds the quote's row when it looks at the other, and payouts are locked before quotes, never after.
 */
export async function bookCharge(tx: Transaction, withdrawalId: WithdrawalId): Promise<void> {
  const feeMinor = await lockCharge(tx, withdrawalId);
  const payout = await readPayout(tx, withdrawalId);
  if (payout === null || feeMinor === 0n) return;
  const charge = withdrawalFee(payout, feeMinor);
  await (payout.standing === "posted" ? bookTransfer(tx, charge) : reverseTransfer(tx, charge));
}
