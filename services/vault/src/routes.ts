// What a person can read of vault: the semi-offline zone's standing, the tasks, and what waits. Nothing here changes anything.
import type { HttpServer } from "@sluice/http";
import type { Pool } from "@sluice/postgres";
import { listBumps, listParkedReports, listRefills, listTasks, listWaiting } from "@sluice/wallet-memory";
import type { ZoneNews } from "./zone-news.ts";

const MOST_ROWS = 500;

export function addRoutes(http: HttpServer, pool: Pool, zone: ZoneNews): void {
  http.get("/zone", async () => writable(zone.newest() ?? { heardAtMs: null, zone: null }));

  http.get("/refills", async () => writable({ refills: await listRefills(pool) }));

  http.get("/tasks", async () =>
    writable({
      tasks: await listTasks(pool, MOST_ROWS),
      bumps: await listBumps(pool, MOST_ROWS),
      waiting: await listWaiting(pool, MOST_ROWS),
      parkedReports: await listParkedReports(pool, MOST_ROWS),
    }),
  );
}

/** JSON has no bigint: amounts become decimal digits. */
function writable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner)));
}
