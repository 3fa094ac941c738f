// blockchain-gateway: broadcasts what vault released, watches the chain, and tells the others what it sees there.
import { fileURLToPath } from "node:url";
import { openNode } from "@sluice/bitcoin-nodes";
import { parseDescriptor } from "@sluice/chains";
import { openOnlineService, serve } from "@sluice/online-service";
import { listen } from "@sluice/postgres";
import { type Lifecycle, readConfig, readSecrets, runProcess, startRounds } from "@sluice/runtime";
import { broadcastAll } from "./broadcaster.ts";
import { followChain } from "./chain-follower.ts";
import { type Settings, secretsSchema, settingsSchema } from "./config.ts";
import { handleTransactionSigned } from "./handlers/transaction-signed.ts";
import { ADDED_CHANNEL, countByState, listTransactions, readTip } from "./store.ts";
import { type WalletScripts, watchWallets } from "./wallet-scripts.ts";

const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));

runProcess("blockchain-gateway", async (life: Lifecycle) => {
  const settings = readConfig(settingsSchema, process.env);
  const secrets = readSecrets(secretsSchema, settings.SLUICE_SECRETS_SOURCE);
  const service = await openOnlineService(life, "blockchain-gateway", settings, secrets, MIGRATIONS);
  const { pool, sealer, metrics } = service;
  const { logger, stopping } = life;

  const answers = metrics.counter({
    name: "sluice_node_requests_total",
    help: "Questions to the Bitcoin node, by what became of them.",
    labels: ["method", "outcome"],
  });
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
  const node = openNode({
    url: settings.SLUICE_BITCOIN_RPC_URL,
    user: secrets.bitcoinRpcUser,
    password: secrets.bitcoinRpcPassword,
    stopping,
    onAnswer: (method, outcome) => answers.inc({ method, outcome }),
  });
  const shared = { pool, node, sealer, logger, stopping };
  const watched = watchedScripts(settings);
  const rounds = startRounds({
    everyMs: settings.SLUICE_POLL_INTERVAL_MS,
    logger,
    round: async () => {
      await broadcastAll({ ...shared, rebroadcastAfterMs: settings.SLUICE_REBROADCAST_AFTER_MS });
      await followChain({
        ...shared,
        watched,
        startHeight: settings.SLUICE_START_HEIGHT,
        requiredConfirmations: settings.SLUICE_REQUIRED_CONFIRMATIONS,
      });
    },
  });
  life.onStop("rounds", rounds.stop);
  const added = await listen(pool, ADDED_CHANNEL, rounds.wake);
  life.onStop("news of transactions", added.close);
  await serve(service, {
    handlers: { "transaction.signed.v1": handleTransactionSigned },
    ready: async () => [{ name: "bitcoin node", ...rounds.health() }],
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
