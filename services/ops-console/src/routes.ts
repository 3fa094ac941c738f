// What the console shows and the one thing it can do yet: have a service retry a dead letter.
import { type HttpServer, problem, z } from "@sluice/http";
import type { Pool } from "@sluice/postgres";
import { CONSOLE_SCRIPT, CONSOLE_STYLE } from "./browser.ts";
import type { ServiceAddress } from "./config.ts";
import { askService, overviewOf } from "./overview.ts";
import { overviewPage, withdrawalPage } from "./page.ts";
import { listChanges, listNotices, listWithdrawals, readZoneReport } from "./store.ts";
import { listSuspensions } from "./suspensions.ts";

const SHOWN_WITHDRAWALS = 100;
const SHOWN_NOTICES = 50;
const SHOWN_SUSPENSIONS = 50;

const byId = z.object({ id: z.string().min(1).max(256) });
const letter = z.object({ service: z.string().min(1).max(64), id: z.string().regex(/^[0-9]{1,18}$/, "is a number") });

/** Requests that change something and come from another origin were refused before they get here. */
export function addRoutes(http: HttpServer, pool: Pool, services: readonly ServiceAddress[]): void {
  const overview = async () => ({
    suspensions: await listSuspensions(pool, SHOWN_SUSPENSIONS, Date.now()),
    withdrawals: await listWithdrawals(pool, SHOWN_WITHDRAWALS),
    services: await overviewOf(services),
    zone: await readZoneReport(pool),
    notices: await listNotices(pool, SHOWN_NOTICES),
  });
  const changesOf = async (withdrawalId: string) => {
    const changes = await listChanges(pool, withdrawalId);
    if (changes.length === 0) throw notFound("WITHDRAWAL_UNKNOWN", `No withdrawal ${withdrawalId} was heard of.`);
    return changes;
  };

  http.get("/", async (_, reply) => reply.type(HTML).send(overviewPage(await overview(), Date.now())));
  http.get("/console.js", async (_, reply) => reply.type("text/javascript; charset=utf-8").send(CONSOLE_SCRIPT));
  http.get("/console.css", async (_, reply) => reply.type("text/css; charset=utf-8").send(CONSOLE_STYLE));
  http.get("/api/overview", overview);
  http.get("/api/withdrawals/:id", { schema: { params: byId } }, async ({ params: { id } }) => ({
    changes: await changesOf(id),
  }));
  http.get("/withdrawals/:id", { schema: { params: byId } }, async ({ params: { id } }, reply) =>
    reply.type(HTML).send(withdrawalPage(id, await changesOf(id))),
  );
  http.post("/services/:service/dead-letters/:id/retry", { schema: { params: letter } }, async (request, reply) => {
    const { service: name, id } = request.params;
    const service = services.find((candidate) => candidate.name === name);
    if (service === undefined) throw notFound("SERVICE_UNKNOWN", `The console knows no service ${name}.`);
    const answer = await askService(service, `/dead-letters/${id}/retry`, { method: "POST" }).catch((error: Error) => {
      throw problem({ status: 502, code: "SERVICE_SILENT", title: `${name} did not answer`, detail: error.message });
    });
    return reply.status(answer.status).type(answer.contentType).send(JSON.stringify(answer.body));
  });
}

const HTML = "text/html; charset=utf-8";

function notFound(code: string, detail: string) {
  return problem({ status: 404, code, title: "There is no such thing here", detail });
}
