// Step 3, the treasury's part: what the customer was quoted, to be charged when the withdrawal is paid. Online-risk says so;
// that there is a request of the backend behind it is checked here as well.
import { type Trust, verifyClearance } from "@sluice/contracts";
import { parseWithdrawalId } from "@sluice/core";
import { type Handler, OperatingError } from "@sluice/messaging";
import { bookCharge } from "../book-payout.ts";
import { noteCharge } from "../store.ts";

export function handleWithdrawalCleared(trust: Trust): Handler<"withdrawal.cleared.v1"> {
  return async (tx, { message: { customerFeeMinor }, envelope }) => {
    const clearance = verifyClearance(trust, envelope);
    if (!clearance.ok) throw new OperatingError(clearance.refusal.code, "park", clearance.refusal.detail);
    const { id } = clearance.value.request;
    const withdrawalId = parseWithdrawalId(id);
    if (!withdrawalId.ok) throw new OperatingError("PAYOUT_MALFORMED", "park", id);
    if (customerFeeMinor === undefined) return;
    await noteCharge(tx, withdrawalId.value, BigInt(customerFeeMinor));
    await bookCharge(tx, withdrawalId.value);
  };
}
