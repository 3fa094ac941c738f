// What there is to know of a transaction that does not get into a block, read from the tables, and what is decided by that.
import { decodePayout, INDEX_LIMIT, type Wallet } from "@sluice/chains";
import {
  ancestorsIn,
  type BumpCaps,
  type BumpDecision,
  decideBump,
  findChainEnd,
  isLifted,
  type StuckTransaction,
} from "@sluice/planning";
import type { Transaction } from "@sluice/postgres";
import type { DueBump } from "./bumps.ts";
import { freeCoins, nextChangeIndex, unconfirmedChange, useChangeIndex } from "./coins.ts";
import { isBuiltUpon, unconfirmedTransactions } from "./unconfirmed-change.ts";
import { readCoins } from "./versions.ts";

/** The version that is stuck. */
export type StuckVersion = {
  readonly taskId: string;
  readonly transactionId: string;
  readonly psbt: Uint8Array;
  readonly feeSat: bigint;
  readonly withdrawals: StuckTransaction["payments"];
};

/** In the wallet's lane; a change index that the decision needs is used from then on. */
export async function weighBump(
  tx: Transaction,
  wallet: Wallet,
  caps: BumpCaps,
  due: DueBump,
  { taskId, transactionId, psbt, feeSat, withdrawals }: StuckVersion,
): Promise<BumpDecision> {
  const { walletId, descriptor, gapLimit } = wallet;
  const read = decodePayout(psbt, descriptor, { gapLimit, indexLimit: INDEX_LIMIT });
  if (!read.ok) throw new Error(`task ${taskId} does not decode any more: ${read.refusal.code}`);
  const decoded = read.value;
  const [unconfirmed, change] = [await unconfirmedTransactions(tx, walletId), await unconfirmedChange(tx, walletId)];
  const freshIndex = await nextChangeIndex(tx, walletId);
  const inputs = decoded.inputs.map(({ outpoint }) => outpoint);
  const stuck: StuckTransaction = {
    wallet,
    ...{ feeSat, vbytes: decoded.vbytes, payments: withdrawals, bumps: due.bumps },
    inputs: await readCoins(tx, inputs),
    // The change of only one version will ever exist, so a replacement's may go where that of the replaced one went.
    changeIndex: decoded.change[0]?.pathIndex ?? freshIndex,
    changeInUse: await isBuiltUpon(tx, due.payoutId),
    ...{ code: due.stuckCode, wantedSatPerKvbyte: due.wantedSatPerKvbyte },
    ...{ replacementFeeSat: due.replacementFeeSat, descendants: due.descendants },
    ancestors: ancestorsIn(unconfirmed, transactionId),
    lifted: isLifted(unconfirmed, transactionId, due.wantedSatPerKvbyte),
  };
  const end = findChainEnd(transactionId, unconfirmed, change, freshIndex);
  const decision = decideBump(stuck, caps, await freeCoins(tx, walletId, []), end);
  const isFresh = decision.kind === "child" || (decision.kind === "replace" && decoded.change.length === 0);
  if (isFresh) await useChangeIndex(tx, walletId, freshIndex);
  return decision;
}
