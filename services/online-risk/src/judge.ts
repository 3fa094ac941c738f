// Step 2: judges what was received, and again what was delayed, in a transaction of its own. Any number of instances.
import { setTimeout as sleep } from "node:timers/promises";
import type { ActivePolicy, Policies } from "@sluice/active-policy";
import { findScript, type Wallet } from "@sluice/chains";
import type { Sealer } from "@sluice/contracts";
import { decide, strictest } from "@sluice/core";
import { loadAllowed } from "@sluice/destinations";
import type { Logger } from "@sluice/messaging";
import { type Facts, findAll, type Policy } from "@sluice/online-rules";
import { isRetriable, listen, type Pool, type Transaction, transaction } from "@sluice/postgres";
import { apply } from "@sluice/progress";
import { alarmsNow, refusedOfflineAtMs } from "@sluice/report-watch";
import { loadDestination, lockNextToJudge, nextDelayEndMs, type Stored } from "@sluice/risk-memory";
import type { Screening } from "@sluice/screening";
import { gatherBehaviour } from "@sluice/signal-memory";
import { holdOff, standingFor } from "@sluice/suspensions";
import { JUDGE_CHANNEL } from "@sluice/withdrawal-routes";
import type { Judged } from "./metrics.ts";
import { listCleared, lockAccount } from "./store/accounts.ts";

export type JudgeOptions = {
  readonly pool: Pool;
  readonly sealer: Sealer;
  readonly policies: Pick<Policies, "active">;
  readonly wallets: readonly Wallet[];
  /** What is known of an address; a local read that waits for nobody. */
  readonly screening: Pick<Screening, "screenScript">;
  readonly now: () => number;
  readonly logger: Logger;
  /** Told after the commit. */
  readonly onJudged: (judged: Judged) => void;
};

export type Judge = { readonly stop: () => Promise<void> };

/** Wakes when something is received, when the next delay ends, and every second in case the call was missed. */
export async function startJudge(options: JudgeOptions): Promise<Judge> {
  const { pool, logger, now } = options;
  const stopping = new AbortController();
  let alarm = new AbortController();
  const wake = () => alarm.abort();
  const listener = await listen(pool, JUDGE_CHANNEL, wake);
  const failing = new Map<string, number>();
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
    while (!stopping.signal.aborted && (await judgeOne())) {}
    const nextMs = await nextDelayEndMs(pool);
    return nextMs === null ? POLL_MS : Math.min(POLL_MS, Math.max(10, nextMs - now()));
  }

  /** One that cannot be judged is set aside for a while, so that those behind it do not wait for it. */
  async function judgeOne(): Promise<boolean> {
    let inHand: Stored | undefined;
    try {
      const judged = await transaction(pool, async (tx) => {
        // A policy is activated when nobody clears: what is judged from here on is judged by what is read here.
        await holdOff(tx, "clearing");
        const active = await options.policies.active(tx);
        inHand = await lockNextToJudge(tx, now(), [...failing.keys()]);
        return inHand === undefined ? undefined : judge(tx, options, active, inHand);
      });
      if (judged !== undefined) options.onJudged(judged);
      return judged !== undefined;
    } catch (error) {
      if (inHand === undefined || isRetriable(error)) throw error;
      failing.set(inHand.id, now() + SET_ASIDE_MS);
      logger.error({ err: error, withdrawalId: inHand.id }, "a withdrawal cannot be judged now; it waits");
      return true;
    }
  }
}

const POLL_MS = 1_000;
const SET_ASIDE_MS = 2_000;

async function judge(
  tx: Transaction,
  options: JudgeOptions,
  { policy, version }: ActivePolicy,
  stored: Stored,
): Promise<Judged> {
  await lockAccount(tx, stored.account);
  const facts = await gather(tx, options, policy, stored);
  const findings = findAll(policy, facts);
  const decided = decide({ type: "judge", nowMs: facts.nowMs, findings }, stored);
  if (!decided.ok) throw new Error(`${stored.id} was taken to be judged: ${decided.refusal.detail}`);
  await apply(tx, options.sealer, stored, decided.value, { policyVersion: version });
  return { verdict: strictest(findings).kind, waitedMs: facts.nowMs - stored.receivedAtMs };
}

/** Time, once seen for an account, never goes back: a clock that jumps frees no window and orders nothing anew. */
async function gather(
  tx: Transaction,
  { wallets, screening, now }: JudgeOptions,
  policy: Policy,
  stored: Stored,
): Promise<Facts> {
  const clockMs = now();
  const longestMs = Math.max(0, ...policy.accountWindows.map(({ windowMs }) => windowMs));
  const past = await listCleared(tx, stored, clockMs - longestMs);
  const nowMs = Math.max(clockMs, stored.changedAtMs, ...past.map(({ atMs }) => atMs));
  const destination = await loadDestination(tx, stored);
  const scriptPubKey = Buffer.from(stored.scriptPubKey).toString("hex");
  const own = wallets.find(
    ({ descriptor, gapLimit }) => findScript(descriptor, stored.scriptPubKey, gapLimit) !== null,
  );
  const ownWallet = own?.walletId ?? null;
  const screened = screening.screenScript(stored.scriptPubKey);
  return {
    ...{ nowMs, amountMinor: stored.amountMinor, past },
    destination: { ...destination, scriptPubKey, ownWallet, screened },
    waitedMs: nowMs - stored.receivedAtMs,
    alarms: await alarmsNow(tx, policy, clockMs),
    refusedOfflineAtMs: await refusedOfflineAtMs(tx, stored.account, nowMs - policy.zone.refusedMs),
    suspension: await standingFor(tx, stored),
    allowList: await loadAllowed(tx, stored, nowMs),
    behaviour: await gatherBehaviour(tx, policy.behaviour, stored, nowMs),
  };
}
