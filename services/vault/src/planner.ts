// The planner: every wallet in turn, one transaction each, for as long as there is something to plan.
import type { Wallet } from "@sluice/chains";
import type { OnlineService } from "@sluice/online-service";
import { transaction } from "@sluice/postgres";
import { about, type Logger, type Rounds, startRounds } from "@sluice/runtime";
import { askForRefill, type RefillPolicy } from "./ask-for-refill.ts";
import { type PlanOutcome, type PlanPolicy, planWallet } from "./plan-wallet.ts";
import { type TidyPolicy, tidyWallet } from "./tidy-wallet.ts";
import { LOOK_EVERY_MS } from "./work.ts";

export function startPlanner(
  { pool, sealer, life }: Pick<OnlineService, "pool" | "sealer" | "life">,
  wallets: Iterable<Wallet>,
  policy: PlanPolicy & RefillPolicy & TidyPolicy,
  isHeld: () => boolean,
): Rounds {
  const all = [...wallets];
  let tidiedAtMs = Date.now();
  let ripening: NodeJS.Timeout | undefined;
  const rounds = startRounds({ everyMs: LOOK_EVERY_MS, logger: life.logger, round });
  return rounds;

  async function round(): Promise<void> {
    if (isHeld()) return;
    const stopped = new Set<Wallet>();
    let ripeInMs = Number.POSITIVE_INFINITY;
    // What waits is shared by all that can pay: each plans one transaction, then comes the next wallet's turn.
    for (let open: readonly Wallet[] = all; open.length > 0; ) {
      const again: Wallet[] = [];
      for (const wallet of open) {
        const outcome = await plan(wallet);
        if (outcome?.kind === "planned") again.push(wallet);
        if (outcome?.kind !== "waiting") continue;
        ripeInMs = Math.min(ripeInMs, outcome.ripeInMs);
        if ([...outcome.codes.values()].includes("LANE_STOPPED")) stopped.add(wallet);
      }
      open = again;
    }
    // What no wallet has taken yet is asked for once, and not for a wallet that cannot pay it all the same.
    const asking = all.find((wallet) => !stopped.has(wallet));
    for (const wallet of all) await refill(wallet, wallet === asking);
    if (Date.now() - tidiedAtMs >= policy.SLUICE_TIDY_EVERY_MS) for (const wallet of all) await tidy(wallet);
    clearTimeout(ripening);
    if (ripeInMs < LOOK_EVERY_MS) ripening = setTimeout(() => rounds.wake(), ripeInMs);
  }

  async function tidy(wallet: Wallet): Promise<void> {
    tidiedAtMs = Date.now();
    const tidied = await transaction(pool, (tx) => tidyWallet(tx, wallet, policy, sealer));
    if (tidied !== null) about(life.logger, { walletId: wallet.walletId }).info(tidied, "coins are tidied");
  }

  async function refill(wallet: Wallet, unassigned: boolean): Promise<void> {
    const told = await transaction(pool, (tx) => askForRefill(tx, wallet, unassigned, policy, sealer));
    if (told === null) return;
    const { walletId, missingSat, waitingWithdrawals, address } = told;
    const message = missingSat > 0n ? "the wallet is short of funds" : "the wallet is not short of funds any more";
    life.logger.warn({ walletId, missingSat: `${missingSat}`, waitingWithdrawals, address }, message);
  }

  async function plan(wallet: Wallet): Promise<PlanOutcome | null> {
    if (life.stopping.aborted) return null;
    const outcome = await transaction(pool, (tx) => planWallet(tx, wallet, policy, sealer));
    tell(about(life.logger, { walletId: wallet.walletId }), outcome);
    return outcome;
  }
}

function tell(logger: Logger, outcome: PlanOutcome): void {
  if (outcome.kind === "planned") {
    const { taskId, transactionId, withdrawals } = outcome;
    logger.info({ taskId, transactionId, withdrawals }, "a transaction is planned");
  }
  if (outcome.kind === "waiting" && outcome.changed > 0) {
    logger.warn({ waiting: Object.fromEntries(outcome.codes) }, "withdrawals wait and cannot be planned now");
  }
}
