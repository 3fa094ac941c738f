// blockchain-gateway: broadcasts what vault released, watches the chain, and tells the others what it sees there.
import { fileURLToPath } from "node:url";
import { describeNode, HEALTH_WORDS, openNodes, quorumOf } from "@sluice/bitcoin-nodes";
import { parseDescriptor } from "@sluice/chains";
import { openOnlineService, serve } from "@sluice/online-service";
import { listen } from "@sluice/postgres";
import { type Lifecycle, readConfig, readSecrets, runProcess, startRounds } from "@sluice/runtime";
import { broadcastAll, fillInputs } from "./broadcaster.ts";
import { followChain } from "./chain-follower.ts";
import { nodesOf, type Settings, secretsSchema, settingsSchema } from "./config.ts";
import { handleTransactionSigned } from "./handlers/transaction-signed.ts";
import { ADDED_CHANNEL, countByState, listTransactions, readTip } from "./store.ts";
import { watchPending } from "./troubles.ts";
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
    help: "Questions to the Bitcoin nodes, by what became of them.",
    labels: ["node", "method", "outcome"],
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
  const nodes = openNodes({
    nodes: nodesOf(settings.SLUICE_BITCOIN_NODES_FILE, secrets),
    quorum: quorumOf(settings.SLUICE_BITCOIN_NODES_FILE),
    network: settings.SLUICE_NETWORK,
    stopping,
    onAnswer: (node, method, outcome) => answers.inc({ node, method, outcome }),
    onHealth: (before, { node, word, detail, height }) => {
      const line = `the node ${node} ${HEALTH_WORDS[word]}`;
      if (word === "ok") logger.info({ node, before, word, height }, line);
      else logger.warn({ node, before, word, height, detail }, line);
    },
  });
  life.onStop("nodes", nodes.close);
  metrics.gauge({
    name: "sluice_node_info",
    help: "1 for the word that describes the health of each Bitcoin node now; OPERATIONS.md explains them.",
    labels: ["node", "health"],
    collect: (gauge) => {
      gauge.reset();
      for (const { node, word } of nodes.health()) gauge.set({ node, health: word }, 1);
    },
  });
  metrics.gauge({
    name: "sluice_node_height_blocks",
    help: "The height that each Bitcoin node claims its best chain to have.",
    labels: ["node"],
    collect: (gauge) => {
      gauge.reset();
      for (const { node, height } of nodes.health()) if (height !== null) gauge.set({ node }, height);
    },
  });
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
  const added = await listen(pool, ADDED_CHANNEL, rounds.wake);
  life.onStop("news of transactions", added.close);
  await serve(service, {
    handlers: { "transaction.signed.v1": handleTransactionSigned },
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
