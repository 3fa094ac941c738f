// All SQL about messages from the bridge that could not take effect.
import { createHash } from "node:crypto";
import type { Queryable } from "@sluice/postgres";
import { storable } from "./storable.ts";

export type ParkedReport = {
  readonly envelope: Uint8Array;
  readonly taskId: string | null;
  readonly code: string;
  readonly detail: string;
};

/** The same bytes again only count as another arrival. */
export async function parkReport(database: Queryable, parked: ParkedReport): Promise<void> {
  await database.query(
    `insert into parked_report (envelope_sha256, envelope, task_id, code, detail) values ($1, $2, $3, $4, $5)
     on conflict (envelope_sha256) do update
       set arrivals = parked_report.arrivals + 1, code = excluded.code, detail = excluded.detail`,
    [
      createHash("sha256").update(parked.envelope).digest(),
      parked.envelope,
      parked.taskId === null ? null : storable(parked.taskId),
      parked.code,
      storable(parked.detail),
    ],
  );
}

export type ParkedReportRow = {
  readonly id: bigint;
  readonly taskId: string | null;
  readonly code: string;
  readonly detail: string;
  readonly arrivals: number;
  readonly parkedAt: Date;
};

export async function listParkedReports(database: Queryable, limit: number): Promise<readonly ParkedReportRow[]> {
  const { rows } = await database.query<ParkedReportRow>(
    `select id, task_id as "taskId", code, detail, arrivals, parked_at as "parkedAt"
     from parked_report order by id desc limit $1`,
    [limit],
  );
  return rows;
}
