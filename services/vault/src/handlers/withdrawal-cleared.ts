// Step 3: a clearance arrives. Nothing in it is believed before both its seals held here as well.
import { type BitcoinNetwork, dustSat, parseAddress } from "@sluice/chains";
import { type Priority, type Trust, verifyClearance } from "@sluice/contracts";
import { parseAmount, parseAsset } from "@sluice/core";
import { type Handler, OperatingError } from "@sluice/messaging";
import { insertWithdrawal } from "@sluice/wallet-memory";
import { tellOfWork } from "../work.ts";

/** Stores the withdrawal, or parks the message under the code of the first check that failed. */
export function handleWithdrawalCleared(
  trust: Trust,
  network: BitcoinNetwork,
  batchWaitMs: Readonly<Record<Priority, number>>,
): Handler<"withdrawal.cleared.v1"> {
  return async (tx, { envelope }) => {
    const clearance = verifyClearance(trust, envelope);
    if (!clearance.ok) throw parked(clearance.refusal.code, clearance.refusal.detail);
    const { id, account, asset: assetName, amount, address, priority = "normal" } = clearance.value.request;
    const asset = parseAsset(assetName);
    if (!asset.ok) throw parked(asset.refusal.code, `withdrawal ${id}: ${asset.refusal.detail}`);
    const amountSat = parseAmount(amount, asset.value);
    if (!amountSat.ok) throw parked(amountSat.refusal.code, `withdrawal ${id}: ${amountSat.refusal.detail}`);
    refuseUnpayable(network, id, address, amountSat.value);
    const withdrawal = { withdrawalId: id, clearance: envelope, account, address, amountSat: amountSat.value };
    if (!(await insertWithdrawal(tx, { ...withdrawal, priority, dueInMs: batchWaitMs[priority] }))) {
      throw parked("WITHDRAWAL_CLEARED_OTHERWISE", `withdrawal ${id} was cleared with another content before`);
    }
    await tellOfWork(tx);
  };
}

/** A withdrawal that no transaction can pay would wait for ever among those that can be. */
function refuseUnpayable(network: BitcoinNetwork, id: string, address: string, amountSat: bigint): void {
  const parsed = parseAddress(network, address);
  if (!parsed.ok) throw parked(parsed.refusal.code, `withdrawal ${id}: ${parsed.refusal.detail}`);
  const leastSat = dustSat(parsed.value.scriptPubKey);
  if (amountSat < leastSat) throw parked("DUST_OUTPUT", `withdrawal ${id}: ${amountSat} sat is below ${leastSat}`);
}

function parked(code: string, detail: string): OperatingError {
  return new OperatingError(code, "park", detail);
}
