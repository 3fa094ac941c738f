// Step 3: what was planned becomes a task: its rows, its reservations and its announcement, in one database transaction.
import { randomUUID } from "node:crypto";
import { type Coin, outpointOf } from "@sluice/chains";
import type { Sealer } from "@sluice/contracts";
import { announce } from "@sluice/online-service";
import type { Transaction } from "@sluice/postgres";
import { reserveCoins } from "@sluice/wallet-memory";
import { insertTask, type NewTask } from "./store/tasks.ts";
import { tellOfWork } from "./work.ts";

export type Plan = {
  readonly psbt: Uint8Array;
  readonly txid: string;
  readonly feeSat: bigint;
  readonly vbytes: number;
  readonly inputs: readonly Coin[];
  /** What goes back to the wallet; null when nothing does. */
  readonly changeSat: bigint | null;
};

/** `replaces` is a task and the transaction that it planned. */
export type PlanFor = Pick<NewTask, "withdrawals" | "reason"> & {
  readonly replaces: { readonly taskId: string; readonly transactionId: string } | null;
};

export async function savePlan(
  tx: Transaction,
  walletId: string,
  { psbt, txid: transactionId, feeSat, vbytes, inputs, changeSat }: Plan,
  { withdrawals, reason, replaces }: PlanFor,
  sealer: Sealer,
): Promise<{ readonly taskId: string; readonly transactionId: string }> {
  const taskId = randomUUID();
  const task = { taskId, walletId, transactionId, psbt, feeSat, changeSat: changeSat ?? 0n, vbytes };
  await insertTask(tx, { ...task, withdrawals, reason, replaces: replaces?.taskId ?? null });
  await reserveCoins(tx, taskId, inputs.map(outpointOf));
  await announce(tx, sealer, "transaction.planned.v1", {
    id: `${taskId}/planned`,
    key: walletId,
    occurredAtMs: Date.now(),
    message: {
      ...{ taskId, walletId, transactionId, withdrawals, feeSat, vbytes },
      purpose: reason === null ? "" : "internal",
      replaces: replaces?.transactionId ?? "",
    },
  });
  await tellOfWork(tx);
  return { taskId, transactionId };
}
