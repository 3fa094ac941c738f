// semi-offline-risk, read top to bottom: settings, isolation, database, holders, vault, stages, reports.
import { fileURLToPath } from "node:url";
import { openBridge, openCarrier } from "@sluice/bridge";
import { serveConsole } from "@sluice/console";
import {
  GOVERNANCE_MIGRATIONS,
  governanceCommands,
  installBundle,
  measureBundles,
  openBundles,
} from "@sluice/governance";
import { JOURNAL_WATCH_MIGRATIONS, journalCommands, openHolders, openJournalWatch } from "@sluice/holders";
import { createPool, durabilityFaults, migrate } from "@sluice/postgres";
import {
  closeInherited,
  createMetrics,
  inspectIsolation,
  requireIsolation,
  runProcess,
  startRounds,
} from "@sluice/runtime";
import { openScreening } from "@sluice/screening";
import { BUNDLE_MAX_BYTES } from "@sluice/second-opinion";
import { countOrders, countTasks, judgeNow, listDelayed, listDue } from "@sluice/zone-memory";
import { readSettings } from "./config.ts";
import { handleBundleOffered } from "./handlers/bundle-offered.ts";
import { handleLabelsOffered } from "./handlers/labels-offered.ts";
import { handleRecallRequested } from "./handlers/recall-requested.ts";
import { handleSigningAnswered } from "./handlers/signing-answered.ts";
import { handleSigningRequested } from "./handlers/signing-requested.ts";
import { handleSigningVetoed } from "./handlers/signing-vetoed.ts";
import { handleSuspensionChanged } from "./handlers/suspension-changed.ts";
import { type JudgeStage, judgeOne } from "./judge-stage.ts";
import { sendReports } from "./reports.ts";
import { type SignStage, signOne } from "./sign-stage.ts";
import { startZoneReports } from "./zone-report.ts";

const NAME = "semi-offline-risk";
const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));
const LOOK_EVERY_MS = 500;

runProcess(NAME, async ({ logger, onStop }) => {
  closeInherited(logger, process.env);
  const config = readSettings(process.env);
  const { trust, sealer, wallets, network } = config;
  const inspect = () => inspectIsolation(config);
  const isolation = requireIsolation(logger, config.requireIsolation, inspect);
  logger.info({ isolation }, "the network as the kernel shows it to this process");
  const { databaseUrl: url, databasePassword: password } = config;
  const pool = createPool({ url, password, applicationName: NAME });
  onStop("database pool", () => pool.end());
  await migrate(pool, [{ set: NAME, directory: MIGRATIONS }, GOVERNANCE_MIGRATIONS, JOURNAL_WATCH_MIGRATIONS]);
  for (const fault of await durabilityFaults(pool)) logger.warn({ fault }, "Postgres may lose what it has confirmed");

  const bundles = openBundles({
    pool,
    signers: config.bundleSigners,
    network,
    logger,
    // Whatever waits is judged by the new one.
    onAccepted: (tx) => judgeNow(tx, null),
  });
  await installBundle(bundles, pool, config.firstBundleFile);

  const metrics = createMetrics(NAME);
  measureBundles(metrics, bundles);
  // How old labels may be stands in the bundle, and is judged with it.
  const screening = openScreening({ place: config.labels, network, metrics, logger, now: Date.now });
  onStop("address labels", screening.stop);
  const verdicts = metrics.counter({
    name: "sluice_offline_verdicts_total",
    help: "Verdicts by kind.",
    labels: ["verdict"],
  });
  const received = metrics.counter({
    name: "sluice_tasks_received_total",
    help: "Tasks by what they were.",
    labels: ["what"],
  });
  metrics.gauge({
    name: "sluice_offline_tasks",
    help: "Signature tasks by state.",
    labels: ["state"],
    collect: async (gauge) => {
      gauge.reset();
      for (const [state, count] of await countTasks(pool)) gauge.set({ state }, count);
    },
  });

  const journals = await openJournalWatch({ pool, countOrders, metrics, logger });
  const holders = openHolders({
    bridges: config.bridges,
    carriers: config.holderCarriers,
    trust,
    requireIsolation: config.requireIsolation,
    journals,
    logger,
    onAnswer: async (answered) => {
      await handleSigningAnswered({ pool, trust, wallets, logger }, answered);
      work.wake();
    },
    onVeto: async (vetoed) => {
      await handleSigningVetoed({ pool, logger }, vetoed);
      work.wake();
    },
    onChange: () => {
      work.wake();
      zone.report();
    },
  });
  onStop("holders", holders.close);
  const vault = openBridge({
    carrier: openCarrier(config.vaultCarrier, "listen"),
    localName: NAME,
    peerName: "vault",
    session: config.bridges.towards("vault"),
    onMessage: async (bytes) => {
      if (await handleRecallRequested({ pool, trust, bridge: vault, logger }, bytes)) return;
      const labels = handleLabelsOffered({ trust, screening }, bytes);
      if (labels !== null) return received.inc({ what: labels });
      const offered = await handleBundleOffered({ trust, bundles }, bytes);
      const heard = offered ?? (await handleSuspensionChanged({ pool, trust, bundles, network, logger }, bytes));
      received.inc({ what: heard ?? (await handleSigningRequested({ pool, trust, logger }, bytes)) });
      work.wake();
      reporting.wake();
      if (offered !== null) zone.report();
    },
    onStateChange: (state) => logger.info({ state }, "bridge to vault"),
    onDiagnostic: (event) => logger.warn({ event }, "bridge to vault"),
  });

  const judging: JudgeStage = {
    pool,
    trust,
    sealer,
    wallets,
    bundles,
    screening,
    logger,
    onVerdict: (verdict) => verdicts.inc({ verdict }),
  };
  const signing: SignStage = {
    pool,
    trust,
    sealer,
    wallets,
    bundles,
    holders,
    journals,
    holderDeadlineMs: config.holderDeadlineMs,
    logger,
  };
  const work = startRounds({ everyMs: LOOK_EVERY_MS, logger, round: workOnce });
  const reporting = startRounds({ everyMs: LOOK_EVERY_MS, logger, round: () => sendReports(pool, vault) });
  const zone = startZoneReports({ bridge: vault, holders, bundles, sealer, pool, metrics, inspect, logger });
  const console = await serveConsole({
    path: config.consoleSocket,
    logger,
    limits: { binaryBytes: BUNDLE_MAX_BYTES, headBytes: 262_144 },
    commands: {
      ...governanceCommands({
        pool,
        bundles,
        trust,
        wallets,
        listDelayed,
        judgeNow,
        onDecided: () => {
          work.wake();
          zone.report();
        },
      }),
      ...journalCommands(journals, logger),
    },
  });
  onStop("console", console.close);
  onStop("reports", reporting.stop);
  // Before the reports are waited for: one that vault has not taken stays on record for the next start.
  onStop("bridge to vault", () => vault.close());
  onStop("work", work.stop);
  onStop("zone reports", zone.stop);

  async function workOnce(): Promise<void> {
    for (const { id, state } of await listDue(pool, Date.now())) {
      try {
        if (state !== "ordered") await judgeOne(judging, id);
        await signOne(signing, id);
      } catch (error) {
        // One task that cannot go on does not stop the others.
        logger.error({ err: error, taskId: id }, "a task could not be worked on and is tried again");
      }
    }
    reporting.wake();
  }
});
