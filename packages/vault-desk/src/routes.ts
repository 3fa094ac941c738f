// What a person can read of vault: the semi-offline zone's standing, the tasks, and what waits; and what is to be said here: that a
// stopped lane may go on, and what becomes of what waits for a person.
import { type HttpServer, problem, z } from "@sluice/http";
import { type Pool, transaction } from "@sluice/postgres";
import {
  listBumps,
  listParkedReports,
  listRefills,
  listStoppedLanes,
  listTaskDecisions,
  listTasks,
  listWaiting,
  type PeopleRefusal,
  planStuckAgain,
  reopenLane,
  tryAgain,
} from "@sluice/wallet-memory";
import type { ZoneNews } from "@sluice/zone-news";

const MOST_ROWS = 500;

/** What a person has said, for the log. */
export type Said = Readonly<Record<string, string>> & { readonly by: string };

export function addRoutes(
  http: HttpServer,
  pool: Pool,
  zone: ZoneNews,
  onSaid: (said: Said, what: string) => void,
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
    onSaid({ walletId, ...said }, "a person has reopened a stopped lane");
    return { walletId, reopened: true };
  });

  const why = { by: z.string().trim().min(1).max(64), reason: z.string().trim().min(1).max(500) };
  const byTask = z.object({ taskId: z.string().min(1).max(128) });
  const ofTask = { params: byTask, body: z.strictObject(why) };
  http.post("/tasks/:taskId/plan-again", { schema: ofTask }, ({ params: { taskId }, body }) =>
    planTaskAgain(taskId, body),
  );

  const byWithdrawal = z.object({ withdrawalId: z.string().min(1).max(64) });
  const ofWithdrawal = { params: byWithdrawal, body: z.strictObject(why) };
  http.post("/withdrawals/:withdrawalId/plan-again", { schema: ofWithdrawal }, ({ params: { withdrawalId }, body }) =>
    planWithdrawalAgain(withdrawalId, body),
  );

  http.get("/refills", async () => writable({ refills: await listRefills(pool) }));

  http.get("/tasks", async () =>
    writable({
      tasks: await listTasks(pool, MOST_ROWS),
      bumps: await listBumps(pool, MOST_ROWS),
      waiting: await listWaiting(pool, MOST_ROWS),
      decisions: await listTaskDecisions(pool, MOST_ROWS),
      parkedReports: await listParkedReports(pool, MOST_ROWS),
    }),
  );

  async function planTaskAgain(taskId: string, said: Why) {
    const refusal = await transaction(pool, (tx) => planStuckAgain(tx, taskId, said));
    if (refusal !== null) throw refused(refusal);
    onSaid({ taskId, ...said }, "a person has a task planned again");
    return { taskId, plannedAgain: true };
  }

  async function planWithdrawalAgain(withdrawalId: string, said: Why) {
    const refusal = await transaction(pool, (tx) => tryAgain(tx, withdrawalId, said));
    if (refusal !== null) throw refused(refusal);
    onSaid({ withdrawalId, ...said }, "a person has a withdrawal tried again that was refused too often");
    return { withdrawalId, plannedAgain: true };
  }
}

type Why = { readonly by: string; readonly reason: string };

function refused({ code, detail }: PeopleRefusal) {
  return problem({ status: code === "TASK_UNKNOWN" ? 404 : 409, code, title: "It was not done", detail });
}

/** JSON has no bigint: amounts become decimal digits. */
function writable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner)));
}
