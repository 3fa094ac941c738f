// The bumper: in every wallet in turn, what does not get into a block is bumped as long as something is due.
import type { Wallet } from "@sluice/chains";
import type { OnlineService } from "@sluice/online-service";
import { transaction } from "@sluice/postgres";
import { about, type Rounds, startRounds } from "@sluice/runtime";
import { type BumpPolicy, bumpWallet } from "./bump-wallet.ts";
import { LOOK_EVERY_MS } from "./work.ts";

export function startBumper(
  { pool, sealer, life }: Pick<OnlineService, "pool" | "sealer" | "life">,
  wallets: Iterable<Wallet>,
  policy: BumpPolicy,
  isHeld: () => boolean,
): Rounds {
  const all = [...wallets];
  return startRounds({ everyMs: LOOK_EVERY_MS, logger: life.logger, round });

  async function round(): Promise<void> {
    for (const wallet of all) {
      while (!life.stopping.aborted && !isHeld()) {
        const bumped = await transaction(pool, (tx) => bumpWallet(tx, wallet, policy, sealer));
        if (bumped === null) break;
        about(life.logger, { walletId: wallet.walletId }).warn(bumped, "a transaction does not get into a block");
      }
    }
  }
}
