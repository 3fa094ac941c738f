// Books what core decides about a payout. Refusals of the ledger are alarms: the message is parked for a person.
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
import { bookTransfer, lockCharge, readPayout, savePayout } from "./store.ts";

export async function bookPayout(
  tx: Transaction,
  txid: string,
  type: PayoutCommand["type"],
  payout: Payout,
): Promise<void> {
  const booked = await readPayout(tx, payout.withdrawalId);
  const decision = decidePayout({ type, payout }, booked);
  if (!decision.ok) {
    const { code, detail } = decision.refusal;
    throw new OperatingError(code, "park", `${payout.withdrawalId} in ${txid}: ${detail}`);
  }
  const { transfers, standing } = decision.value;
  const postedBy = booked?.postedBy ?? (standing === "posted" ? txid : null);
  if (type === "post" && postedBy !== txid) {
    const detail = `${payout.withdrawalId} was paid by ${postedBy}, and by ${txid} again`;
    throw new OperatingError("PAYOUT_PAID_TWICE", "park", detail);
  }
  for (const transfer of transfers) await bookTransfer(tx, transfer);
  await savePayout(tx, txid, { ...payout, standing, postedBy });
  if (standing === "posted") await bookCharge(tx, payout.withdrawalId);
}

/** The customer is charged once, when the withdrawal is paid and the quote is known, whichever comes last. */
export async function bookCharge(tx: Transaction, withdrawalId: WithdrawalId): Promise<void> {
  const feeMinor = await lockCharge(tx, withdrawalId);
  const payout = await readPayout(tx, withdrawalId);
  if (payout?.standing === "posted" && feeMinor > 0n) await bookTransfer(tx, withdrawalFee(payout, feeMinor));
}

/** A fee is paid when its transaction confirms, once for all payouts in it. */
export async function bookFee(tx: Transaction, txid: string, feeMinor: bigint): Promise<void> {
  if (feeMinor > 0n) await bookTransfer(tx, networkFee(txid, "BTC", feeMinor));
}
