// Shows the alarms about the semi-offline zone's reports wherever a person looks: log, metric, readiness, internal HTTP.
import type { Policies } from "@sluice/active-policy";
import type { Dependency, HttpServer } from "@sluice/http";
import type { Logger } from "@sluice/messaging";
import { type Policy, type ReportAlarm, standingAlarms } from "@sluice/online-rules";
import { type Pool, type Queryable, transaction } from "@sluice/postgres";
import type { Metrics } from "@sluice/runtime";
import { acknowledgeAlarms, readReportWatch } from "./reports.ts";

export type ReportWatching = {
  readonly ready: () => Promise<readonly Dependency[]>;
  readonly routes: (http: HttpServer) => void;
  readonly stop: () => void;
};

const LOOK_EVERY_MS = 5_000;

export async function alarmsNow(database: Queryable, { zone }: Policy, nowMs: number): Promise<readonly ReportAlarm[]> {
  return standingAlarms(await readReportWatch(database), zone, nowMs);
}

export function watchReports(parts: {
  readonly pool: Pool;
  readonly policies: Pick<Policies, "active">;
  readonly metrics: Metrics;
  readonly now: () => number;
  readonly logger: Logger;
}): ReportWatching {
  const { pool, policies, metrics, now, logger } = parts;
  const look = async () => alarmsNow(pool, (await policies.active(pool)).policy, now());
  metrics.gauge({
    name: "sluice_online_risk_report_alarm_info",
    help: "Alarms about the semi-offline zone's reports: 1 while one stands and nothing is cleared.",
    labels: ["code"],
    collect: async (gauge) => {
      gauge.reset();
      for (const { code } of await look()) gauge.set({ code }, 1);
    },
  });
  let told = "";
  const looking = setInterval(() => {
    look().then(tell, (err: unknown) => logger.warn({ err }, "the alarms about reports cannot be read now"));
  }, LOOK_EVERY_MS);
  return { ready, routes, stop: () => clearInterval(looking) };

  function tell(alarms: readonly ReportAlarm[]): void {
    const codes = alarms.map(({ code }) => code).join(" ");
    if (codes === told) return;
    told = codes;
    if (codes === "") logger.info({}, "the semi-offline zone's reports are complete again");
    else logger.error({ alarms }, `ALARM: ${codes}: nothing is cleared until it ends or a person acknowledges it`);
  }

  async function ready(): Promise<readonly Dependency[]> {
    const alarms = await look();
    const detail = alarms.map((alarm) => `${alarm.code}: ${alarm.detail}`).join("; ");
    return [{ name: "semi-offline reports", ok: alarms.length === 0, detail: detail || "complete" }];
  }

  function routes(http: HttpServer): void {
    http.get("/report-alarms", async () => ({ alarms: await look() }));
    http.post("/report-alarms/acknowledge", acknowledge);
  }

  async function acknowledge() {
    const acknowledged = await transaction(pool, (tx) => acknowledgeAlarms(tx, now()));
    logger.warn({ acknowledged }, "a person has acknowledged the alarms about reports");
    return { resolution: "acknowledged", acknowledged };
  }
}
