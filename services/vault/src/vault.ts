// The parts of vault put together, top to bottom. What is begun last is stopped first.
import { fileURLToPath } from "node:url";
import { openBridge, openCarrier } from "@sluice/bridge";
import { carryBundles, carrySuspensions } from "@sluice/bundle-carrier";
import { openOnlineService, serve } from "@sluice/online-service";
import { batchWaitsOf, feePolicyOf, internalTransferPolicyOf } from "@sluice/planning";
import { listen } from "@sluice/postgres";
import { createRecall, type TaskStore } from "@sluice/recall";
import { type Environment, joinExpositions, type Lifecycle, readConfig, readSecrets } from "@sluice/runtime";
import { addRoutes } from "@sluice/vault-desk";
import { clearAgain } from "@sluice/wallet-memory";
import { measurePlanning, measureTables } from "@sluice/wallet-metrics";
import { createZoneNews } from "@sluice/zone-news";
import { receiveBridgeMessages } from "./bridge-messages.ts";
import { startBumper } from "./bumper.ts";
import { bridgeSessionOf, bumpPolicyOf, secretsSchema, settingsSchema, walletsOf } from "./config.ts";
import { handleCoinObserved } from "./handlers/coin-observed.ts";
import { handleCoinVanished } from "./handlers/coin-vanished.ts";
import { handleFeeEstimated } from "./handlers/fee-estimated.ts";
import { handleRiskReported } from "./handlers/risk-reported.ts";
import { handleSuspensionChanged } from "./handlers/suspension-changed.ts";
import { handleTransactionConfirmed } from "./handlers/transaction-confirmed.ts";
import { handleTransactionConflicted } from "./handlers/transaction-conflicted.ts";
import { handleTransactionReorged } from "./handlers/transaction-reorged.ts";
import { handleTransactionStuck } from "./handlers/transaction-stuck.ts";
import { handleWithdrawalCleared } from "./handlers/withdrawal-cleared.ts";
import { handleWithdrawalFailed } from "./handlers/withdrawal-failed.ts";
import { bridgeReadiness, measureBridge } from "./metrics.ts";
import { startPlanner } from "./planner.ts";
import { insertTask, lockTask, settleTask } from "./store/tasks.ts";
import { startSubmitter } from "./submitter.ts";
import { WORK_CHANNEL } from "./work.ts";

/** How a task that comes back is written: as every other. */
const recallStore: TaskStore = {
  lockTask,
  insertTask,
  refuseTask: (tx, taskId, code, detail) =>
    settleTask(tx, taskId, { state: "refused", code, detail, report: new Uint8Array() }),
  clearAgain: (tx, ids, code) => clearAgain(tx, ids, code, null),
};

const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));

export async function startVault(life: Lifecycle, env: Environment): Promise<void> {
  const settings = readConfig(settingsSchema, env);
  const secrets = readSecrets(secretsSchema, settings.SLUICE_SECRETS_SOURCE);
  const wallets = walletsOf(settings);
  const session = bridgeSessionOf(settings, secrets);
  const service = await openOnlineService(life, "vault", settings, secrets, MIGRATIONS);
  const { pool, sealer, trust } = service;
  const { logger } = life;

  const zone = createZoneNews(pool, logger);
  const recall = createRecall(service, wallets, recallStore);
  const parked = service.metrics.counter({
    name: "sluice_vault_parked_reports_total",
    help: "Messages from the bridge that could not take effect.",
    labels: ["code"],
  });
  life.onStop("tasks on their way", () => submitter.settled());
  const bridge = openBridge({
    carrier: openCarrier(settings.SLUICE_BRIDGE_CARRIER, "connect"),
    localName: "vault",
    peerName: "semi-offline-risk",
    session,
    onMessage: receiveBridgeMessages({
      pool,
      trust,
      zone,
      handleReport: handleRiskReported(wallets, sealer),
      adopt: recall.adopt,
      onParked: (code) => parked.inc({ code }),
      logger,
    }),
    onStateChange: (state) => {
      logger.info({ state }, "the bridge changed its state");
      submitter.wake();
      stops.wake();
    },
    onDiagnostic: (event) => logger.warn({ ...event }, "the bridge has something to say"),
  });
  life.onStop("bridge", () => bridge.close());
  const directory = settings.SLUICE_BUNDLE_DIRECTORY;
  if (directory !== undefined) {
    const bundles = carryBundles({ directory, bridge, sealer, logger });
    life.onStop("bundles", bundles.stop);
  }
  const stops = carrySuspensions({ bridge, pool, logger });
  life.onStop("suspensions", stops.stop);
  const fees = feePolicyOf(settings);
  measureTables(service);
  measurePlanning(service, fees);
  measureBridge(service, bridge);

  const submitter = startSubmitter(service, bridge, settings.SLUICE_ASK_AGAIN_MS, recall.isOpen);
  life.onStop("submitter", submitter.stop);
  const planner = startPlanner(
    service,
    wallets.values(),
    { ...settings, fees, internal: internalTransferPolicyOf(settings) },
    recall.isOpen,
  );
  life.onStop("planner", planner.stop);
  const bumper = startBumper(service, wallets.values(), bumpPolicyOf(settings), recall.isOpen);
  life.onStop("bumper", bumper.stop);
  const work = await listen(pool, WORK_CHANNEL, () => {
    planner.wake();
    bumper.wake();
    submitter.wake();
    stops.wake();
  });
  life.onStop("news of work", work.close);

  const handlers = {
    "withdrawal.cleared.v1": handleWithdrawalCleared(trust, settings.SLUICE_NETWORK, batchWaitsOf(settings)),
    "withdrawal.failed.v1": handleWithdrawalFailed(trust),
    "fee.estimated.v1": handleFeeEstimated(fees, logger),
    "suspension.changed.v1": handleSuspensionChanged,
    "coin.observed.v1": handleCoinObserved(wallets),
    "coin.vanished.v1": handleCoinVanished,
    "transaction.confirmed.v1": handleTransactionConfirmed,
    "transaction.conflicted.v1": handleTransactionConflicted(logger),
    "transaction.reorged.v1": handleTransactionReorged,
    "transaction.stuck.v1": handleTransactionStuck(logger),
  };
  // The zone has no HTTP, so its metrics stand among vault's.
  const text = async () => joinExpositions([await service.metrics.text(), ...zone.metricTexts()]);
  await serve(
    { ...service, metrics: { ...service.metrics, text } },
    {
      handlers,
      bringBack: () => recall.run(bridge, handlers),
      ready: async () => [bridgeReadiness(bridge)],
      routes: (http) =>
        addRoutes(http, pool, zone, (said, what) => {
          logger.warn(said, what);
          planner.wake();
          submitter.wake();
        }),
    },
  );
}
