// Coins are tidied when nobody is to be paid by it: one internal transfer of a wallet, planned in the wallet's lane.
import { MAX_MESSAGE_BYTES } from "@sluice/bridge";
import { planInternalTransfer, type Wallet } from "@sluice/chains";
import type { Sealer } from "@sluice/contracts";
import { decideInternalTransfer, type FeePolicy, feeRates, type InternalTransferPolicy } from "@sluice/planning";
import type { Transaction } from "@sluice/postgres";
import {
  coinsToTidy,
  countInternalTransfers,
  feeHistory,
  longTermFeeRate,
  nextChangeIndex,
  sumWaiting,
  takeLane,
  useChangeIndex,
} from "@sluice/wallet-memory";
import { savePlan } from "./save-plan.ts";

export type TidyPolicy = {
  readonly fees: FeePolicy;
  readonly internal: InternalTransferPolicy;
  readonly SLUICE_TIDY_EVERY_MS: number;
};

export type Tidied = { readonly taskId: string; readonly transactionId: string; readonly reason: string };

/** Null when there is nothing to tidy, or when it would cost more than it is worth or may cost. */
export async function tidyWallet(
  tx: Transaction,
  wallet: Wallet,
  { fees, internal }: Omit<TidyPolicy, "SLUICE_TIDY_EVERY_MS">,
  sealer: Sealer,
): Promise<Tidied | null> {
  const { walletId, descriptor } = wallet;
  if (internal.keepFreeCoins === 0 && internal.consolidateCoins === 0) return null;
  if ((await takeLane(tx, walletId)) !== "taken") return null;
  const feeRateSatPerKvbyte = feeRates(fees, await feeHistory(tx), Date.now()).satPerKvbyte.economy;
  const decided = decideInternalTransfer({
    coins: await coinsToTidy(tx, walletId, Math.max(internal.keepFreeCoins, internal.consolidateCoins)),
    longTermSatPerKvbyte: await longTermFeeRate(tx),
    underWay: await countInternalTransfers(tx, walletId),
    waitingSat: await sumWaiting(tx, walletId),
    ...{ feeRateSatPerKvbyte, policy: internal },
  });
  if (decided === null) return null;
  const { kind: reason, inputs, outputs } = decided;
  const first = await nextChangeIndex(tx, walletId);
  const changeIndexes = Array.from({ length: outputs }, (_, at) => first + at);
  const planned = planInternalTransfer({
    ...{ wallet: descriptor, inputs, outputs, changeIndexes, feeRateSatPerKvbyte },
  });
  // Signatures add up to two fifths, and the signed one has to cross the bridge too.
  if (!planned.ok || planned.value.psbt.length > (MAX_MESSAGE_BYTES * 2) / 3) return null;
  await useChangeIndex(tx, walletId, first + outputs - 1);
  const changeSat = planned.value.outputSats.reduce((sum, sat) => sum + sat, 0n);
  const saved = await savePlan(
    tx,
    walletId,
    { ...planned.value, changeSat },
    { withdrawals: [], replaces: null, reason },
    sealer,
  );
  return { ...saved, reason };
}
