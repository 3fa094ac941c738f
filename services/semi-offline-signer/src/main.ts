// A key holder, read top to bottom: surroundings, isolation, settings, journal, key, bridge, reports.
import { closeSync, openSync } from "node:fs";
import { openBridge, openCarrier } from "@sluice/bridge";
import { open } from "@sluice/contracts";
import { type CurveChoice, loadNativeCurve, readSecretKey, SecretKeyError } from "@sluice/keys";
import {
  ConfigError,
  closeInherited,
  createMetrics,
  EXIT,
  inspectIsolation,
  requireIsolation,
  runProcess,
} from "@sluice/runtime";
import { readSettings } from "./config.ts";
import { answerOrder, fingerprintOfKey } from "./handlers/signing-ordered.ts";
import { startHolderReports } from "./holder-report.ts";
import { hostFaults, missingFlags } from "./host-checks.ts";
import { openJournal } from "./journal.ts";

const STANDARD_INPUT = 0;

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

  logger.info({ holder }, "waiting for the key on standard input");
  const key = readKey();
  onStop("key", () => key.wipe());
  // Step 6: only wallets in whose descriptor this very key stands are served.
  const wallets = new Map([...config.wallets].filter(([, wallet]) => fingerprintOfKey(wallet, key.publicKey) !== null));
  if (wallets.size === 0) {
    throw new ConfigError([{ name: "standard input", rule: "is the account key of a holder of a listed wallet" }]);
  }
  logger.info({ holder, wallets: [...wallets.keys()] }, "the key is one of these wallets'");

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

  const policy = { holder, trust, wallets, caps: config.caps };
  const bridge = openBridge({
    carrier: openCarrier(config.bridgeCarrier, "connect"),
    localName: holder,
    peerName: "semi-offline-risk",
    onMessage: async (bytes) => {
      const opened = open(trust, bytes, ["signing.ordered.v1"]);
      if (!opened.ok) {
        // Without a valid seal nobody is known who could be answered.
        orders.inc({ outcome: opened.refusal.code });
        logger.warn({ refusal: opened.refusal }, "an order was dropped");
        return;
      }
      const answered = orEnd(() => answerOrder(opened.value, { policy, journal, key, sealer, now: Date.now }));
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
  const reports = startHolderReports({ bridge, sealer, journal, metrics, inspect, logger, now: Date.now });
  onStop("reports", reports.stop);
  logger.info({ holder, isolation }, "serving");

  /** A journal that fails once, or a signature that does not verify, leaves nothing to go on with. */
  function orEnd<T>(act: () => T): T {
    try {
      return act();
    } catch (err) {
      logger.fatal({ err }, "this holder ends: it could not record or sign as it must");
      key.wipe();
      process.exit(EXIT.crashed);
    }
  }

  function readKey() {
    try {
      return readSecretKey(STANDARD_INPUT, curve);
    } catch (error) {
      if (!(error instanceof SecretKeyError)) throw error;
      throw new ConfigError([{ name: "standard input", rule: `${error.code}: ${error.message}` }]);
    } finally {
      closeSync(STANDARD_INPUT);
      // So that nothing opened later becomes this process's standard input.
      openSync("/dev/null", "r");
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
