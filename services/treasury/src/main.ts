// treasury: a double-entry ledger of what is owed, what is on its way and what the chain has.
import { fileURLToPath } from "node:url";
import { openOnlineService, serve } from "@sluice/online-service";
import { readConfig, readSecrets, runProcess } from "@sluice/runtime";
import { secretsSchema, settingsSchema } from "./config.ts";
import { handleCoinObserved } from "./handlers/coin-observed.ts";
import { handleTransactionConfirmed } from "./handlers/transaction-confirmed.ts";
import { handleTransactionSigned } from "./handlers/transaction-signed.ts";
import { handleWithdrawalCleared } from "./handlers/withdrawal-cleared.ts";
import { addRoutes, overdrawnOf, readReconciliation } from "./routes.ts";

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
  await serve(service, {
    handlers: {
      "coin.observed.v1": handleCoinObserved,
      "transaction.confirmed.v1": handleTransactionConfirmed,
      "transaction.signed.v1": handleTransactionSigned,
      "withdrawal.cleared.v1": handleWithdrawalCleared,
    },
    routes: (http) => addRoutes(http, service.pool),
  });
});
