// After the database was restored from an older copy: the tasks since then come back from the semi-offline zone, as they
// were sealed here once, each with its verdict. Nothing is planned before: a coin that looks free may be signed away.
import { setTimeout as delay } from "node:timers/promises";
import type { Bridge } from "@sluice/bridge";
import { decodePayout, INDEX_LIMIT, type Wallet } from "@sluice/chains";
import { type MessageOf, type OpenedOf, seal, verifyClearance } from "@sluice/contracts";
import { type Handlers, listDeadLetters, retryDeadLetter } from "@sluice/messaging";
import type { OnlineService } from "@sluice/online-service";
import { type Transaction, transaction } from "@sluice/postgres";
import { releaseCoins, reserveCoins, useChangeIndex } from "@sluice/wallet-memory";
import { type Attempt, findStanding, listUnsent, markAdopted, markTaken } from "./standing.ts";

/** Vault's own tables of tasks and withdrawals, as it writes them everywhere. */
export type TaskStore = {
  readonly lockTask: (
    tx: Transaction,
    taskId: string,
  ) => Promise<{ readonly replaces: string | null; readonly withdrawals: readonly Attempt[] } | null>;
  readonly insertTask: (tx: Transaction, task: RecalledTask) => Promise<void>;
  /** Refuses a task that waits for a verdict. */
  readonly refuseTask: (tx: Transaction, taskId: string, code: string, detail: string) => Promise<void>;
  /** Puts its withdrawals back among those that wait to be planned. */
  readonly clearAgain: (tx: Transaction, withdrawalIds: readonly string[], code: string) => Promise<void>;
};

export type RecalledTask = {
  readonly taskId: string;
  readonly walletId: string;
  readonly transactionId: string;
  readonly psbt: Uint8Array;
  readonly feeSat: bigint;
  readonly changeSat: bigint;
  readonly vbytes: number;
  readonly withdrawals: readonly Attempt[];
  readonly replaces: string | null;
  readonly reason: string | null;
};

export type Recall = {
  /** Nothing is planned or sent while it is true. */
  readonly isOpen: () => boolean;
  /** One of this vault's own tasks, back over the bridge. */
  readonly adopt: (opened: OpenedOf<"signing.requested.v1">) => Promise<void>;
  /** Resolves when everything is back that the zone has. */
  readonly run: (bridge: Bridge, handlers: Handlers) => Promise<void>;
};

const AGAIN_MS = 1_000;
const PLAN_LOST = "PLAN_LOST";

export function createRecall(
  { pool, trust, sealer, life, lostSince }: OnlineService,
  wallets: ReadonlyMap<string, Wallet>,
  store: TaskStore,
): Recall {
  const { logger } = life;
  let isOpen = lostSince !== null;
  let recalled = new Set<string>();
  let waiting = 0;
  return { isOpen: () => isOpen, adopt, run };

  async function adopt({ message }: OpenedOf<"signing.requested.v1">): Promise<void> {
    if (!isOpen) return;
    recalled.add(message.taskId);
    const outcome = await transaction(pool, (tx) => adoptTask(tx, message));
    if (outcome === "later") waiting += 1;
    logger.info({ taskId: message.taskId, outcome }, "a task came back from the semi-offline zone");
  }

  /** Again and again: a task can only come back when its coins and clearances have, over the topics. */
  async function run(bridge: Bridge, handlers: Handlers): Promise<void> {
    if (lostSince === null) return;
    for (;;) {
      recalled = new Set();
      waiting = 0;
      const occurredAtMs = Date.now();
      const id = `recall/${occurredAtMs}`;
      const message = { sinceMs: lostSince.getTime() };
      await bridge.send(seal(sealer, "recall.requested.v1", { id, key: "vault", occurredAtMs, message }));
      await transaction(pool, giveUpUnsent);
      if (waiting === 0) break;
      logger.warn({ waiting }, "tasks wait for their coins or clearances, which come over the topics");
      await delay(AGAIN_MS, undefined, { signal: life.stopping });
    }
    // What was heard of a task before it was back was parked.
    for (const { id } of await listDeadLetters(pool)) await retryDeadLetter(pool, id, { trust, handlers });
    isOpen = false;
    logger.warn({ lostSince, tasks: recalled.size }, "the tasks since the copy was made are back; planning goes on");
  }

  async function adoptTask(
    tx: Transaction,
    message: MessageOf<"signing.requested.v1">,
  ): Promise<"adopted" | "known" | "later"> {
    const { taskId, walletId, psbt } = message;
    if ((await store.lockTask(tx, taskId)) !== null) {
      await markTaken(tx, taskId);
      return "known";
    }
    const wallet = wallets.get(walletId);
    const decoded =
      wallet === undefined ? null : decodePayout(psbt, wallet.descriptor, { ...wallet, indexLimit: INDEX_LIMIT });
    if (decoded?.ok !== true) throw new Error(`task ${taskId} cannot be read any more`);
    const withdrawals = message.withdrawals.map(({ clearance, attempt }) => {
      const verified = verifyClearance(trust, clearance);
      if (!verified.ok) throw new Error(`a clearance of task ${taskId} does not hold: ${verified.refusal.code}`);
      return { withdrawalId: verified.value.request.id, attempt };
    });
    const outpoints = decoded.value.inputs.map(({ outpoint }) => outpoint);
    const standing = await findStanding(
      tx,
      withdrawals.map(({ withdrawalId }) => withdrawalId),
      outpoints,
    );
    if (standing === null) return "later";
    const { txid: transactionId, feeSat, change, vbytes } = decoded.value;
    const changeSat = change.reduce((sum, { amountSat }) => sum + amountSat, 0n);
    const reason = message.purpose === "internal" ? "recalled" : null;
    const task = { taskId, walletId, transactionId, psbt, feeSat, changeSat, vbytes, withdrawals, reason };
    await store.insertTask(tx, { ...task, replaces: standing.replaces });
    await markTaken(tx, taskId);
    await markAdopted(tx, walletId, withdrawals);
    await reserveCoins(tx, taskId, outpoints);
    for (const { pathIndex } of change) await useChangeIndex(tx, walletId, pathIndex);
    return "adopted";
  }

  /** What the zone does not have never left here, or was taken back before it did: its coins may be in another task. */
  async function giveUpUnsent(tx: Transaction): Promise<void> {
    for (const taskId of await listUnsent(tx, [...recalled])) {
      const task = await store.lockTask(tx, taskId);
      if (task === null) continue;
      const detail = "the database was restored, and the semi-offline zone has no such task";
      await store.refuseTask(tx, taskId, PLAN_LOST, detail);
      await releaseCoins(tx, taskId);
      const ids = task.withdrawals.map(({ withdrawalId }) => withdrawalId);
      if (task.replaces === null && ids.length > 0) await store.clearAgain(tx, ids, PLAN_LOST);
    }
  }
}
