// What this service counts beside what every online service counts.
import { WITHDRAWAL_STATES } from "@sluice/core";
import type { KeyFiles } from "@sluice/gate";
import type { AnsweredRequest } from "@sluice/http";
import type { Judged } from "@sluice/judging";
import type { Pool } from "@sluice/postgres";
import { countByState } from "@sluice/risk-memory";
import type { Metrics } from "@sluice/runtime";

export function createRiskMetrics(metrics: Metrics, pool: Pool, keys: Pick<KeyFiles, "isCurrent">) {
  metrics.gauge({
    name: "sluice_online_risk_withdrawals",
    help: "Withdrawals in each state.",
    labels: ["state"],
    collect: async (gauge) => {
      const counts = await countByState(pool);
      for (const state of WITHDRAWAL_STATES) gauge.set({ state }, counts.get(state) ?? 0);
    },
  });
  metrics.gauge({
    name: "sluice_online_risk_key_files_at_fault_info",
    help: "1 while a file of the API's keys is at fault, and the earlier keys count.",
    collect: (gauge) => gauge.set({}, keys.isCurrent() ? 0 : 1),
  });
  const refusals = metrics.counter({
    name: "sluice_online_risk_refusals_total",
    help: "Requests refused, by the problem's code.",
    labels: ["code"],
  });
  const verdicts = metrics.counter({
    name: "sluice_online_risk_verdicts_total",
    help: "Judgements, by verdict.",
    labels: ["verdict"],
  });
  const waits = metrics.histogram({
    name: "sluice_online_risk_receipt_to_verdict_seconds",
    help: "From the receipt of a withdrawal to each judgement of it.",
  });
  const requests = metrics.histogram({
    name: "sluice_online_risk_api_seconds",
    help: "Requests of the public API, by route and status.",
    labels: ["method", "route", "status"],
  });
  return {
    judged: ({ verdict, waitedMs }: Judged) => {
      verdicts.inc({ verdict });
      waits.observe(waitedMs / 1_000);
    },
    refused: (code: string) => refusals.inc({ code }),
    answered: ({ method, route, status, seconds }: AnsweredRequest) =>
      requests.observe({ method, route, status }, seconds),
  };
}
