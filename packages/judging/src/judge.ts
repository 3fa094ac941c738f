// Keeps judging what was received, and again what was delayed. Any number of instances.
import { setTimeout as sleep } from "node:timers/promises";
import type { Policies } from "@sluice/active-policy";
import type { Sealer } from "@sluice/contracts";
import type { Logger } from "@sluice/messaging";
import { isRetriable, listen, type Pool, transaction } from "@sluice/postgres";
import { lockNextToJudge, nextDelayEndMs, type Stored } from "@sluice/risk-memory";
import { holdOff } from "@sluice/suspensions";
import { JUDGE_CHANNEL } from "@sluice/withdrawal-routes";
import { type Judged, judgeBatch } from "./batch.ts";
import type { FactSources } from "./facts.ts";

export type JudgeOptions = Omit<FactSources, "policy"> & {
  readonly policies: Pick<Policies, "active">;
  readonly pool: Pool;
  readonly sealer: Sealer;
  readonly logger: Logger;
  /** So many are judged in one transaction when as many wait; one that waits alone waits for no other. */
  readonly batch?: number;
  /** Told after the commit. */
  readonly onJudged: (judged: Judged) => void;
};

export type Judge = { readonly stop: () => Promise<void> };

/** Wakes when something is received, when the next delay ends, and every second in case the call was missed. */
export async function startJudge(options: JudgeOptions): Promise<Judge> {
  const { pool, logger, now, batch = BATCH } = options;
  const stopping = new AbortController();
  let alarm = new AbortController();
  const wake = () => alarm.abort();
  const listener = await listen(pool, JUDGE_CHANNEL, wake);
  const failing = new Map<string, number>();
  // How many of the next ones are judged one by one, because a transaction of several failed.
  let alone = 0;
  const loop = keepJudging();
  return {
    stop: async () => {
      stopping.abort();
      wake();
      await loop;
      await listener.close();
    },
  };

  async function keepJudging(): Promise<void> {
    while (!stopping.signal.aborted) {
      alarm = new AbortController();
      const { signal } = alarm;
      const waitMs = await judgeAll().catch((error: unknown) => {
        logger.error({ err: error }, "judging broke off and is tried again");
        return POLL_MS;
      });
      if (stopping.signal.aborted) return;
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Judges until nothing waits; resolves to how long there will be nothing to do, as far as can be known. */
  async function judgeAll(): Promise<number> {
    for (const [id, untilMs] of failing) if (untilMs <= now()) failing.delete(id);
    while (!stopping.signal.aborted && (await judgeSome())) {}
    const nextMs = await nextDelayEndMs(pool);
    return nextMs === null ? POLL_MS : Math.min(POLL_MS, Math.max(10, nextMs - now()));
  }

  /** One that cannot be judged is set aside for a while, so that neither its companions nor those behind it wait for it. */
  async function judgeSome(): Promise<boolean> {
    let inHand: readonly Stored[] = [];
    const limit = alone > 0 ? 1 : batch;
    try {
      const done = await transaction(pool, async (tx) => {
        // A policy is activated when nobody clears: what is judged from here on is judged by what is read here.
        await holdOff(tx, "clearing");
        const { policy, version: policyVersion } = await options.policies.active(tx);
        inHand = (await lockNextToJudge(tx, now(), [...failing.keys()], limit)).slice(0, limit);
        return inHand.length === 0 ? undefined : judgeBatch(tx, { ...options, policy, policyVersion }, inHand);
      });
      alone = Math.max(0, alone - 1);
      for (const { id, error } of done?.failed ?? []) setAside(id, error);
      for (const judged of done?.judged ?? []) options.onJudged(judged);
      return done !== undefined;
    } catch (error) {
      const [first] = inHand;
      if (first === undefined || isRetriable(error)) throw error;
      // Which of them it was is not known: each is judged by itself, and fails by itself.
      if (inHand.length === 1) setAside(first.id, error);
      else alone = inHand.length;
      return true;
    }
  }

  function setAside(withdrawalId: string, error: unknown): void {
    failing.set(withdrawalId, now() + SET_ASIDE_MS);
    logger.error({ err: error, withdrawalId }, "a withdrawal cannot be judged now; it waits");
  }
}

const BATCH = 64;
const POLL_MS = 1_000;
const SET_ASIDE_MS = 2_000;
