// blockchain-gateway: broadcasts what vault released, watches the chain, and tells the others what it sees there.
import { fileURLToPath } from "node:url";
import { describeNode } from "@sluice/bitcoin-nodes";
import { parseDescriptor } from "@sluice/chains";
import { openOnlineService, serve } from "@sluice/online-service";
import { listen } from "@sluice/postgres";
import { type Lifecycle, readConfig, readSecrets, runProcess, startRounds } from "@sluice/runtime";
import { broadcastAll, fillInputs } from "./broadcaster.ts";
import { followChain } from "./chain-follower.ts";
import { type Settings, secretsSchema, settingsSchema } from "./config.ts";
import { handleTransactionSigned } from "./handlers/transaction-signed.ts";
import { handleWithdrawalFailed } from "./handlers/withdrawal-failed.ts";
import { publishFees } from "./publish-fees.ts";
import { ADDED_CHANNEL, countByState, listTransactions, readTip } from "./store.ts";
import { watchPending } from "./troubles.ts";
import { type WalletScripts, watchWallets } from "./wallet-scripts.ts";
import { wakeOnNews, watchNodes } from "./watched-nodes.ts";

const FEES_EVERY_MS = 10_000;
const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));

runProcess("blockchain-gateway", async (life: Lifecycle) => {
  const settings = readConfig(settingsSchema, process.env);
  const secrets = readSecrets(secretsSchema, settings.SLUICE_SECRETS_SOURCE);
  const service = await openOnlineService(life, "blockchain-gateway", settings, secrets, MIGRATIONS);
  const { pool, sealer, metrics } = service;
  const { logger, stopping } = life;

  metrics.gauge({
    name: "sluice_chain_height_blocks",
    help: "The height up to which the chain has been read.",
    collect: async (gauge) => gauge.set((await readTip(pool))?.height ?? 0),
  });
  metrics.gauge({
    name: "sluice_chain_transactions",
    help: "Our transactions, by state.",
    labels: ["state"],
    collect: async (gauge) => {
      gauge.reset();
      for (const [state, count] of await countByState(pool)) gauge.set({ state }, count);
    },
  });
  const nodes = watchNodes(life, metrics, settings, secrets);
  const shared = { pool, node: nodes, sealer, logger, stopping };
  await fillInputs(pool);
  const watched = watchedScripts(settings);
  const rounds = startRounds({
    everyMs: settings.SLUICE_POLL_INTERVAL_MS,
    logger,
    round: async () => {
      const rebroadcastAfterMs = settings.SLUICE_REBROADCAST_AFTER_MS;
      const stuck = { afterMs: settings.SLUICE_STUCK_AFTER_MS, afterBlocks: settings.SLUICE_STUCK_AFTER_BLOCKS };
      await watchPending({ ...shared, rebroadcastAfterMs, stuck, fees: nodes.fees });
      await broadcastAll({ ...shared, rebroadcastAfterMs });
      await followChain({
        ...shared,
        watched,
        startHeight: settings.SLUICE_START_HEIGHT,
        requiredConfirmations: settings.SLUICE_REQUIRED_CONFIRMATIONS,
        deepestForkBlocks: settings.SLUICE_DEEPEST_FORK_BLOCKS,
      });
    },
  });
  life.onStop("rounds", rounds.stop);
  wakeOnNews(life, settings, rounds.wake);
  const feeRounds = startRounds({
    everyMs: FEES_EVERY_MS,
    logger,
    round: () => publishFees({ pool, sealer, fees: nodes.fees }),
  });
  life.onStop("rounds of fees", feeRounds.stop);
  const added = await listen(pool, ADDED_CHANNEL, rounds.wake);
  life.onStop("news of transactions", added.close);
  await serve(service, {
    handlers: {
      "transaction.signed.v1": handleTransactionSigned(watched),
      "withdrawal.failed.v1": handleWithdrawalFailed(service.trust),
    },
    ready: async () => {
      const { ok, detail } = rounds.health();
      const each = nodes.health().map(describeNode).join("; ");
      return [{ name: "bitcoin nodes", ok, detail: ok ? each : `${detail}; ${each}` }];
    },
    routes: (http) => {
      http.get("/transactions", async () => ({ transactions: await listTransactions(pool) }));
    },
  });
});

function watchedScripts(settings: Settings): WalletScripts {
  return watchWallets(
    settings.SLUICE_WALLETS_FILE.map(({ walletId, descriptor, gapLimit }) => {
      const wallet = parseDescriptor(descriptor, settings.SLUICE_NETWORK);
      if (!wallet.ok) throw new Error(`${walletId}: ${wallet.refusal.detail}`);
      return { walletId, wallet: wallet.value, gapLimit };
    }),
  );
}
