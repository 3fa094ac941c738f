// treasury: a double-entry ledger of what is owed, what is on its way and what the chain has.
import { fileURLToPath } from "node:url";
import { openOnlineService, serve } from "@sluice/online-service";
import { readConfig, readSecrets, runProcess } from "@sluice/runtime";
import { secretsSchema, settingsSchema } from "./config.ts";
import { handleCoinObserved } from "./handlers/coin-observed.ts";
import { handleCoinVanished } from "./handlers/coin-vanished.ts";
import { handleTransactionConfirmed } from "./handlers/transaction-confirmed.ts";
import { handleTransactionConflicted } from "./handlers/transaction-conflicted.ts";
import { handleTransactionReorged } from "./handlers/transaction-reorged.ts";
import { handleTransactionSigned } from "./handlers/transaction-signed.ts";
import { handleWithdrawalCleared } from "./handlers/withdrawal-cleared.ts";
import { handleWithdrawalFailed } from "./handlers/withdrawal-failed.ts";
import { addRoutes, overdrawnOf, readReconciliation } from "./routes.ts";
import { listPaidTwice } from "./store.ts";

const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));

runProcess("treasury", async (life) => {
  const settings = readConfig(settingsSchema, process.env);
  const secrets = readSecrets(secretsSchema, settings.SLUICE_SECRETS_SOURCE);
  const service = await openOnlineService(life, "treasury", settings, secrets, MIGRATIONS);
  service.metrics.gauge({
    name: "sluice_treasury_drift_sat",
    help: "Hot wallet by the ledger less hot wallet by the chain; not zero for longer than a transaction takes to be final is an alarm.",
    collect: async (gauge) => gauge.set(Number((await readReconciliation(service.pool)).driftSat)),
  });
  service.metrics.gauge({
    name: "sluice_treasury_overdrawn_sat",
    help: "What customers were paid beyond what these books say they were owed.",
    collect: async (gauge) => {
      const { balances } = await readReconciliation(service.pool);
      gauge.set(overdrawnOf(balances).reduce((sum, { amountMinor }) => sum + Number(amountMinor), 0));
    },
  });
  service.metrics.gauge({
    name: "sluice_treasury_paid_twice_withdrawals",
    help: "Withdrawals that more than one final transaction pays. More than a moment above 0 is an alarm: stop everything.",
    collect: async (gauge) => gauge.set((await listPaidTwice(service.pool)).length),
  });
  await serve(service, {
    handlers: {
      "coin.observed.v1": handleCoinObserved,
      "coin.vanished.v1": handleCoinVanished,
      "transaction.confirmed.v1": handleTransactionConfirmed,
      "transaction.conflicted.v1": handleTransactionConflicted,
      "transaction.reorged.v1": handleTransactionReorged,
      "transaction.signed.v1": handleTransactionSigned,
      "withdrawal.cleared.v1": handleWithdrawalCleared(service.trust),
      "withdrawal.failed.v1": handleWithdrawalFailed(service.trust),
    },
    routes: (http) => addRoutes(http, service.pool),
  });
});
