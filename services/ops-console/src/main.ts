// ops-console: what the ops team looks at. It shows and passes on; it decides nothing.
import { fileURLToPath } from "node:url";
import { openOnlineService, serve } from "@sluice/online-service";
import { readConfig, readSecrets, runProcess } from "@sluice/runtime";
import { secretsSchema, settingsSchema } from "./config.ts";
import { handleSuspensionChanged } from "./handlers/suspension-changed.ts";
import { handleTransactionPlanned } from "./handlers/transaction-planned.ts";
import { handleWithdrawalChanged } from "./handlers/withdrawal-changed.ts";
import { handleZoneReported } from "./handlers/zone-reported.ts";
import { noticeHandlers } from "./notices.ts";
import { addRoutes } from "./routes.ts";

const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));

runProcess("ops-console", async (life) => {
  const settings = readConfig(settingsSchema, process.env);
  const secrets = readSecrets(secretsSchema, settings.SLUICE_SECRETS_SOURCE);
  const service = await openOnlineService(life, "ops-console", settings, secrets, MIGRATIONS);
  await serve(service, {
    handlers: {
      ...noticeHandlers,
      "suspension.changed.v1": handleSuspensionChanged,
      "transaction.planned.v1": handleTransactionPlanned,
      "withdrawal.changed.v1": handleWithdrawalChanged,
      "zone.reported.v1": handleZoneReported,
    },
    routes: (http) => addRoutes(http, service.pool, settings.SLUICE_SERVICES_FILE),
  });
});
