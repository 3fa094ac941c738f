// What people and metrics look at.
import type { Queryable } from "@sluice/postgres";

export type ListedEndpoint = {
  readonly name: string;
  readonly state: string;
  readonly failures: number;
  readonly failingSince: Date | null;
  readonly lastSuccessAt: Date | null;
  readonly disabledAt: Date | null;
  readonly disabledBecause: string | null;
  readonly series: Date;
  readonly lastSequence: bigint;
  readonly waiting: bigint;
  /** Of the oldest that waits. */
  readonly waitingSince: Date | null;
  readonly exhausted: bigint;
};

export async function listEndpoints(database: Queryable): Promise<readonly ListedEndpoint[]> {
  const { rows } = await database.query<ListedEndpoint>(
    `select name, state, failures, failing_since as "failingSince", last_success_at as "lastSuccessAt",
       disabled_at as "disabledAt", disabled_because as "disabledBecause", series, last_sequence as "lastSequence",
       (select count(*) from delivery where endpoint = name and delivery.state = 'waiting') as waiting,
       (select min(created_at) from delivery where endpoint = name and delivery.state = 'waiting') as "waitingSince",
       (select count(*) from delivery where endpoint = name and delivery.state = 'exhausted') as exhausted
     from endpoint order by name`,
  );
  return rows;
}

export type ListedDelivery = {
  readonly id: string;
  readonly endpoint: string;
  readonly series: Date;
  readonly sequence: bigint;
  readonly withdrawalId: string;
  readonly revision: number;
  readonly type: string;
  readonly state: string;
  readonly createdAt: Date;
  readonly deliveredAt: Date | null;
  readonly tryAt: Date;
  readonly attempts: readonly ListedAttempt[];
};

export type ListedAttempt = {
  readonly number: number;
  readonly startedAt: string;
  /** Null while it is on its way. */
  readonly code: string | null;
  readonly status: number | null;
  readonly durationMs: number | null;
  readonly answer: string | null;
};

export type DeliveryFilter = {
  readonly withdrawal?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly state?: string | undefined;
  readonly limit: number;
};

/** The newest first. */
export async function listDeliveries(database: Queryable, filter: DeliveryFilter): Promise<readonly ListedDelivery[]> {
  const { rows } = await database.query<ListedDelivery>(
    `select webhook_id as id, endpoint, series, sequence, withdrawal_id as "withdrawalId", revision, type, state,
       created_at as "createdAt", delivered_at as "deliveredAt", try_at as "tryAt", coalesce((
         select jsonb_agg(jsonb_build_object('number', number, 'startedAt', started_at, 'code', code, 'status', status,
           'durationMs', duration_ms, 'answer', answer) order by number)
         from attempt where delivery_id = delivery.id), '[]') as attempts
     from delivery
     where ($1::text is null or withdrawal_id = $1) and ($2::text is null or endpoint = $2) and ($3::text is null or state = $3)
     order by id desc limit $4`,
    [filter.withdrawal ?? null, filter.endpoint ?? null, filter.state ?? null, filter.limit],
  );
  return rows;
}
