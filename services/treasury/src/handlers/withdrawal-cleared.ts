// Step 3, the treasury's part: what the customer was quoted, to be charged when the withdrawal is paid.
import { parseWithdrawalId } from "@sluice/core";
import { type Handler, OperatingError } from "@sluice/messaging";
import { bookCharge } from "../book-payout.ts";
import { noteCharge, readPayout } from "../store.ts";

export const handleWithdrawalCleared: Handler<"withdrawal.cleared.v1"> = async (tx, { message }) => {
  const { customerFeeMinor } = message;
  if (customerFeeMinor === undefined) return;
  const withdrawalId = parseWithdrawalId(message.withdrawalId);
  if (!withdrawalId.ok) throw new OperatingError("PAYOUT_MALFORMED", "park", message.withdrawalId);
  // Locked in the same order as by a confirmation: the payout, then its charge.
  await readPayout(tx, withdrawalId.value);
  await noteCharge(tx, withdrawalId.value, BigInt(customerFeeMinor));
  await bookCharge(tx, withdrawalId.value);
};
