// What a person can read of vault: the semi-offline zone's standing, the tasks, and what waits; and the one thing to be said here,
// that a stopped lane may go on.
import { type HttpServer, problem, z } from "@sluice/http";
import type { Pool } from "@sluice/postgres";
import {
  listBumps,
  listParkedReports,
  listRefills,
  listStoppedLanes,
  listTasks,
  listWaiting,
  reopenLane,
} from "@sluice/wallet-memory";
import type { ZoneNews } from "@sluice/zone-news";

const MOST_ROWS = 500;

export type Reopened = { readonly walletId: string; readonly transactionId: string; readonly by: string };

export function addRoutes(
  http: HttpServer,
  pool: Pool,
  zone: ZoneNews,
  onReopened: (reopened: Reopened) => void,
): void {
  http.get("/zone", async () => writable(zone.newest() ?? { heardAtMs: null, zone: null }));

  http.get("/lanes", async () => ({ stopped: await listStoppedLanes(pool) }));

  // Stopping needs nobody. Going on needs a person who has seen the transaction, and therefore names it.
  const params = z.object({ walletId: z.string().min(1).max(64) });
  const body = z.strictObject({ transactionId: z.string(), by: z.string().min(1).max(64) });
  http.post("/lanes/:walletId/reopen", { schema: { params, body } }, async ({ params: { walletId }, body: said }) => {
    if (!(await reopenLane(pool, walletId, said.transactionId))) {
      const detail = `The lane of ${walletId} is not stopped because of ${said.transactionId}.`;
      throw problem({ status: 409, code: "LANE_NOT_STOPPED_SO", title: "The lane was not reopened", detail });
    }
    onReopened({ walletId, ...said });
    return { walletId, reopened: true };
  });

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
