// Step 4: every task without a verdict goes over the bridge, again and again until there is one.
import { type Bridge, BridgeError } from "@sluice/bridge";
import { seal } from "@sluice/contracts";
import { backoffMs } from "@sluice/core";
import { announce, type OnlineService } from "@sluice/online-service";
import { transaction } from "@sluice/postgres";
import { about, type Rounds, startRounds } from "@sluice/runtime";
import { dueTasks, lockTask, markSent, postponeSending, sendSubmittedAgain, takeRequest } from "./store/tasks.ts";
import { LOOK_EVERY_MS } from "./work.ts";

export type Submitter = Rounds & {
  /** Resolves when no task is on its way any more; the bridge has to be closed before. */
  readonly settled: () => Promise<void>;
};

/** Tasks on their way at once. Each may be a mebibyte. */
const MOST_SENDING = 16;

/** The other side answers a repeated request with what it has recorded, so asking again costs little. */
export function startSubmitter(
  { pool, sealer, life }: Pick<OnlineService, "pool" | "sealer" | "life">,
  bridge: Bridge,
  askAgainMs: number,
  isHeld: () => boolean,
): Submitter {
  const sending = new Map<string, Promise<void>>();
  let connections = 0;
  const rounds = startRounds({ everyMs: LOOK_EVERY_MS, logger: life.logger, round: sendDue });
  return {
    ...rounds,
    settled: async () => {
      await Promise.all(sending.values());
    },
  };

  async function sendDue(): Promise<void> {
    // Only who is connected sends: the other instances wait to take its place.
    if (bridge.state !== "connected" || isHeld()) return;
    const established = bridge.stats().connections;
    if (established !== connections) await sendSubmittedAgain(pool);
    connections = established;
    const room = MOST_SENDING - sending.size;
    if (room === 0) return;
    for (const taskId of await dueTasks(pool, [...sending.keys()], room)) {
      const sent = send(taskId).finally(() => {
        sending.delete(taskId);
        rounds.wake();
      });
      sending.set(taskId, sent);
    }
  }

  async function send(taskId: string): Promise<void> {
    const logger = about(life.logger, { taskId });
    let againInMs = askAgainMs;
    try {
      const request = await takeRequest(pool, taskId);
      if (request === null) return;
      const { walletId, psbt, sends, withdrawals, purpose } = request;
      againInMs = backoffMs(sends + 1, { firstMs: askAgainMs, longestMs: 12 * askAgainMs }, Math.random());
      const envelope = seal(sealer, "signing.requested.v1", {
        id: taskId,
        key: taskId,
        occurredAtMs: Date.now(),
        message: { taskId, walletId, psbt, withdrawals, purpose },
      });
      await bridge.send(envelope);
      const first = await recordSent(taskId, againInMs);
      logger.info({ first, withdrawals: withdrawals.length }, "the semi-offline zone has the task");
    } catch (error) {
      if (error instanceof BridgeError && error.code === "BRIDGE_CLOSED") return;
      logger.warn({ err: error }, "a task could not be sent and is tried again");
      await postponeSending(pool, taskId, againInMs).catch(() => undefined);
    }
  }

  /** The other side has it on its own disk: only now do others hear of it. */
  function recordSent(taskId: string, againInMs: number): Promise<boolean> {
    return transaction(pool, async (tx) => {
      const task = await lockTask(tx, taskId);
      if (task === null || !(await markSent(tx, taskId, againInMs))) return false;
      const { walletId, transactionId } = task;
      const withdrawals = task.withdrawals.map(({ withdrawalId, attempt }) => ({ withdrawalId, attempt }));
      await announce(tx, sealer, "signing.started.v1", {
        id: `${taskId}/started`,
        key: walletId,
        occurredAtMs: Date.now(),
        message: { taskId, transactionId, withdrawals },
      });
      return true;
    });
  }
}
