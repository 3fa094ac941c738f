// A key holder, read top to bottom: surroundings, isolation, settings, journal, lock, bridge, reports, console.
import { openBridge, openCarrier } from "@sluice/bridge";
import { open } from "@sluice/contracts";
import { type CurveChoice, loadNativeCurve } from "@sluice/keys";
import { createKeyLock } from "@sluice/keys/custody";
import {
  ConfigError,
  closeInherited,
  createMetrics,
  EXIT,
  inspectIsolation,
  requireIsolation,
  runProcess,
} from "@sluice/runtime";
import { openJournal } from "@sluice/sign-once";
import { readSettings } from "./config.ts";
import { answerOrder } from "./handlers/signing-ordered.ts";
import { startHolderReports } from "./holder-report.ts";
import { hostFaults, missingFlags } from "./host-checks.ts";
import { openKeyConsole } from "./key-console.ts";
import { LOCKED, refuseForNow } from "./refuse-locked.ts";
import { findRollback } from "./refuse-rollback.ts";
import { vetoCommand } from "./veto-command.ts";

// runProcess registers the SIGUSR1 handler, without which Node would open its inspector on a port.
runProcess("semi-offline-signer", async ({ logger, onStop }) => {
  closeInherited(logger, process.env);
  const faults = hostFaults(process.env, process.execArgv);
  if (faults.length > 0) throw new ConfigError(faults);
  const missing = missingFlags(process.execArgv);
  if (missing.length > 0) logger.warn({ missing }, "started without flags that confine what runs in this process");
  const config = readSettings(process.env);
  const { holder, sealer, trust } = config;
  const look = () => inspectIsolation(config);
  const isolation = requireIsolation(logger, config.requireIsolation, look);
  const curve = loadCurve(config.curve);

  const journal = openJournal(config.journalDirectory, holder);
  onStop("journal", () => journal.close());
  const { entries, head, trimmedBytes } = journal;
  logger.info({ holder, entries, head }, "the journal is whole");
  if (trimmedBytes > 0) logger.warn({ trimmedBytes }, "a record that was cut off was taken away: it was never signed");

  const lock = createKeyLock(config.ceremony, holder, curve);
  onStop("key", () => lock.lock());

  const metrics = createMetrics(holder);
  const orders = metrics.counter({
    name: "sluice_signer_orders_total",
    help: "Orders to sign by outcome: first, again, or the code of the refusal.",
    labels: ["outcome"],
  });
  metrics.gauge({
    name: "sluice_signer_journal_entries",
    help: "Records in the sign-once journal.",
    collect: (gauge) => gauge.set(journal.entries),
  });

  // Step 6: only wallets in whose descriptor a key of this holder stands are served.
  const policy = { holder, trust, wallets: config.wallets, caps: config.caps };
  const bridge = openBridge({
    carrier: openCarrier(config.bridgeCarrier, "connect"),
    localName: holder,
    peerName: "semi-offline-risk",
    session: config.bridgeSession,
    onMessage: async (bytes) => {
      const opened = open(trust, bytes, ["signing.ordered.v1"]);
      if (!opened.ok) {
        // Without a valid seal nobody is known who could be answered.
        orders.inc({ outcome: opened.refusal.code });
        logger.warn({ refusal: opened.refusal }, "an order was dropped");
        return;
      }
      const keys = lock.keys();
      const hindrance = findRollback(opened.value.message, journal, reports.acknowledged());
      if (hindrance !== null) logger.error({ hindrance }, `ALARM: ${hindrance.code}: nothing is signed`);
      const answered =
        keys === null || hindrance !== null
          ? refuseForNow(opened.value, hindrance ?? LOCKED, { sealer, journal, now: Date.now })
          : orEnd(() => answerOrder(opened.value, { policy, journal, keys, sealer, now: Date.now }));
      const { taskId, transactionId } = opened.value.message;
      orders.inc({ outcome: answered.outcome });
      logger.info({ taskId, transactionId, outcome: answered.outcome }, "an order was answered");
      reports.report();
      // The order counts as taken once its answer is: until then it comes again after a restart.
      await bridge.send(answered.envelope);
    },
    onStateChange: (state) => {
      logger.info({ state }, "bridge to semi-offline-risk");
      reports.report();
    },
    onDiagnostic: (event) => logger.warn({ event }, "bridge to semi-offline-risk"),
  });
  onStop("bridge", () => bridge.close());
  const inspect = () => (config.requireIsolation ? requireIsolation(logger, true, look) : look());
  const reports = startHolderReports({ bridge, sealer, journal, lock, metrics, inspect, logger, now: Date.now });
  onStop("reports", reports.stop);

  const tell = (): void => {
    const { state, shares, threshold } = lock.status();
    logger.info({ holder, held: shares, threshold }, state);
    reports.report();
  };
  const veto = vetoCommand({ bridge, sealer, logger });
  const local = await openKeyConsole({ path: config.consoleSocket, holder, lock, logger, onChange: tell, veto });
  onStop("console", () => local.close());
  logger.info({ isolation, wallets: [...config.wallets.keys()] }, "waiting for custodians at the console");
  tell();

  /** A journal that fails once, or a signature that does not verify, leaves nothing to go on with. */
  function orEnd<T>(act: () => T): T {
    try {
      return act();
    } catch (err) {
      logger.fatal({ err }, "this holder ends: it could not record or sign as it must");
      lock.lock();
      process.exit(EXIT.crashed);
    }
  }
});

function loadCurve(choice: CurveChoice) {
  try {
    return loadNativeCurve(choice);
  } catch (error) {
    throw new ConfigError([{ name: "SLUICE_CURVE", rule: error instanceof Error ? error.message : String(error) }]);
  }
}
