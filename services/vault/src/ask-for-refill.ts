// A wallet that is short of funds says so: how much is missing and where it is to go. What waits goes on by itself.
import { deriveScript, type Wallet } from "@sluice/chains";
import type { Sealer } from "@sluice/contracts";
import { announce } from "@sluice/online-service";
import { type FeePolicy, feeRates, freshReceivingIndex, shortageOf, tellsOfRefill } from "@sluice/planning";
import { type Transaction, withLane } from "@sluice/postgres";
import { feeHistory, findRefill, fundsOf, type Refill, saveRefill, usedReceivingIndexes } from "@sluice/wallet-memory";

export type RefillPolicy = { readonly fees: FeePolicy; readonly SLUICE_REFILL_PAUSE_MS: number };

/**
 * Resolves to what was told, or to null when there is nothing new to tell.
 * @param unassigned whether withdrawals that no wallet has taken yet are counted here: once among all wallets
 */
export async function askForRefill(
  tx: Transaction,
  wallet: Wallet,
  unassigned: boolean,
  policy: RefillPolicy,
  sealer: Sealer,
): Promise<Refill | null> {
  const { walletId, gapLimit, descriptor } = wallet;
  if (!(await withLane(tx, `wallet:${walletId}`))) return null;
  const [told, funds, nowMs] = [await findRefill(tx, walletId), await fundsOf(tx, walletId, unassigned), Date.now()];
  if (funds.withdrawals === 0 && (told?.missingSat ?? 0n) === 0n) return null;
  const { satPerKvbyte } = feeRates(policy.fees, await feeHistory(tx), nowMs);
  const shortage = shortageOf({ ...funds, feeRateSatPerKvbyte: satPerKvbyte.fast });
  const toldThen = told === null ? null : { missingSat: told.missingSat, toldAtMs: told.toldAt.getTime() };
  if (!tellsOfRefill(toldThen, shortage, nowMs, policy.SLUICE_REFILL_PAUSE_MS)) return null;
  const used = await usedReceivingIndexes(tx, walletId);
  const goesOn = told !== null && !used.includes(told.index) && (told.missingSat > 0n || shortage.missingSat === 0n);
  const index = goesOn ? told.index : freshReceivingIndex(used, told?.index ?? null, gapLimit);
  const { address } = deriveScript(descriptor, 0, index);
  const revision = (told?.revision ?? 0) + 1;
  const refill = { walletId, ...shortage, index, address, revision, toldAt: new Date(nowMs) };
  await saveRefill(tx, refill);
  const { missingSat, waitingWithdrawals } = shortage;
  await announce(tx, sealer, "refill.requested.v1", {
    ...{ id: `${walletId}/refill/${revision}/${nowMs}`, key: walletId, occurredAtMs: nowMs },
    message: { walletId, missingSat, waitingWithdrawals, address, index, requestedAtMs: nowMs, revision },
  });
  return refill;
}
