// All SQL of webhooks but what people look at. Whoever changes endpoint and deliveries locks the endpoint first.
import { type Pool, type Queryable, type Transaction, transaction, withLane } from "@sluice/postgres";
import type { Endpoint } from "./config.ts";
import { bodyOf, type Change, typeOf, wants, webhookIdOf } from "./event.ts";
import { type Fate, fateAfter, type Health, healthAfter, type Result, type Rules } from "./patience.ts";

/** Told to every instance when there may be something to send. */
export const CHANNEL = "webhooks";

export type Prepare = {
  readonly endpoints: readonly Endpoint[];
  /** On a database that was set back nobody knows any more which numbers were given: they begin anew, in a later series. */
  readonly setBack: boolean;
  /** What was delivered before goes; how long it stays is how far back it can be sent again. */
  readonly deliveredBefore: Date;
};

/** At a start and now and then. Endpoints that are new begin with what happens from now on; those named no more keep what they had. */
export async function prepare(pool: Pool, { endpoints, setBack, deliveredBefore }: Prepare): Promise<void> {
  await transaction(pool, async (tx) => {
    await tx.query("select from endpoint order by name for no key update");
    await tx.query(
      `insert into endpoint (name, first_seen_at)
       select name, coalesce(since, now()) from unnest($1::text[], $2::timestamptz[]) as named (name, since) order by name
       on conflict do nothing`,
      [endpoints.map(({ name }) => name), endpoints.map(({ since }) => (since === undefined ? null : new Date(since)))],
    );
    if (setBack) {
      await tx.query(
        `update endpoint set last_sequence = 0,
           series = greatest(date_trunc('milliseconds', clock_timestamp()), series + interval '1 millisecond')`,
      );
    }
    await tx.query("delete from delivery where state = 'delivered' and delivered_at < $1", [deliveredBefore]);
  });
}

/** One delivery for each endpoint that wants it, numbered in the order in which they are stored. */
export async function addDeliveries(tx: Transaction, endpoints: readonly Endpoint[], change: Change): Promise<void> {
  const wanting = endpoints.filter((endpoint) => wants(endpoint, change)).map(({ name }) => name);
  if (wanting.length === 0) return;
  // All of them, in one order, since a batch of messages holds what it has locked until it is committed.
  await tx.query("select name from endpoint where name = any($1) order by name for no key update", [
    endpoints.map(({ name }) => name),
  ]);
  const { rows } = await tx.query<{ name: string; series: Date; sequence: bigint }>(
    `update endpoint set last_sequence = last_sequence + 1
     where name = any($1) and first_seen_at <= $2
       and not exists (select from delivery where endpoint = name and withdrawal_id = $3 and revision = $4)
     returning name, series, last_sequence as sequence`,
    [wanting, new Date(change.changedAtMs), change.withdrawalId, change.revision],
  );
  for (const { name, series, sequence } of rows) {
    await tx.query(
      `insert into delivery (endpoint, series, sequence, webhook_id, withdrawal_id, revision, type, body)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        ...[name, series, sequence, webhookIdOf(name, change), change.withdrawalId, change.revision, typeOf(change)],
        bodyOf(change, { series, sequence }),
      ],
    );
  }
  if (rows.length > 0) await tx.query("select pg_notify($1, '')", [CHANNEL]);
}

/** Endpoints that may have something to be sent now: a hint, since what it says may be over at once. */
export async function dueEndpoints(database: Queryable, names: readonly string[]): Promise<readonly string[]> {
  const { rows } = await database.query<{ name: string }>(
    `select name from endpoint where name = any($1) and (state = 'healthy' or probe_at <= now()) and exists (
       select from delivery where endpoint = name and state = 'waiting' and (try_at <= now() or endpoint.state = 'disabled')
         and (claimed_until is null or claimed_until <= now()))
     order by name`,
    [names],
  );
  return rows.map(({ name }) => name);
}

export type Claim = {
  readonly deliveryId: bigint;
  readonly attemptId: bigint;
  readonly webhookId: string;
  readonly body: Buffer;
};

/**
 * Takes up to `atOnce` deliveries of one endpoint, less those that are on their way from here or from another instance, in the
 * order of their numbers. They are nobody else's for `leaseMs`, which is longer than an attempt can take. An endpoint that is
 * not healthy gets one, and another one each time, so that no delivery that it will never take keeps it from getting well.
 */
export async function claimDeliveries(
  pool: Pool,
  endpoint: string,
  atOnce: number,
  leaseMs: number,
): Promise<readonly Claim[]> {
  const done = await transaction(pool, async (tx) => {
    if (!(await withLane(tx, `endpoint:${endpoint}`))) return [];
    const { rows } = await tx.query<{ state: Health["state"]; isDue: boolean; onTheirWay: bigint }>(
      `select state, probe_at <= now() as "isDue",
         (select count(*) from delivery where endpoint = $1 and state = 'waiting' and claimed_until > now()) as "onTheirWay"
       from endpoint where name = $1`,
      [endpoint],
    );
    const [found] = rows;
    if (found === undefined) return [];
    const isHealthy = found.state === "healthy";
    const free = (isHealthy ? atOnce : found.isDue ? 1 : 0) - Number(found.onTheirWay);
    if (free <= 0) return [];
    const claimed = await tx.query<Claim>(
      `with chosen as (
         select id from delivery where endpoint = $1 and state = 'waiting' and (try_at <= now() or $4)
           and (claimed_until is null or claimed_until <= now())
         order by ${isHealthy ? "" : "tries, "}series, sequence limit $2 for update skip locked
       ), lost as (
         update attempt set code = 'OUTCOME_UNKNOWN' from chosen where delivery_id = chosen.id and code is null
       ), made as (
         insert into attempt (delivery_id, number)
         select delivery.id, attempts + 1 from delivery join chosen using (id) returning id, delivery_id
       )
       update delivery set attempts = attempts + 1, tries = tries + 1, first_try_at = coalesce(first_try_at, now()),
         attempt_id = made.id, claimed_until = clock_timestamp() + $3 * interval '1 millisecond'
       from made where delivery.id = made.delivery_id
       returning delivery.id as "deliveryId", made.id as "attemptId", webhook_id as "webhookId", body, series, sequence`,
      [endpoint, free, leaseMs, found.state === "disabled"],
    );
    return claimed.rows;
  });
  return done;
}

export type Attempted = Result & {
  /** DELIVERED, REFUSED (by its status), or why nothing was answered. */
  readonly code: string;
  readonly status: number | null;
  readonly durationMs: number;
  readonly answer: string;
};

export type Settled = { readonly before: Health; readonly after: Health; readonly fate: Fate["kind"] | "delivered" };

/** What came of an attempt: for the delivery, for the endpoint, and for whoever looks at it later. */
export async function settleAttempt(
  pool: Pool,
  endpoint: string,
  { attemptId, deliveryId }: Claim,
  attempted: Attempted,
  rules: Rules,
): Promise<Settled> {
  const done: Settled = await transaction(pool, async (tx) => {
    const { health: before, nowMs, lastSuccessAtMs } = await lockEndpoint(tx, endpoint);
    await tx.query("update attempt set code = $2, status = $3, duration_ms = $4, answer = $5 where id = $1", [
      ...[attemptId, attempted.code, attempted.status, attempted.durationMs, attempted.answer],
    ]);
    const after = healthAfter(before, attempted, nowMs, rules, Math.random());
    await saveHealth(tx, endpoint, after, attempted.ok);
    if (attempted.ok) {
      await tx.query(
        `update delivery set state = 'delivered', delivered_at = now(), claimed_until = null, attempt_id = null
         where id = $1 and state <> 'delivered'`,
        [deliveryId],
      );
      if (before.state !== after.state) await tryAllNow(tx, endpoint);
      return { before, after, fate: "delivered" };
    }
    const fate = await settleFailure(tx, { attemptId, deliveryId }, attempted, lastSuccessAtMs, nowMs, rules);
    return { before, after, fate };
  });
  return done;
}

async function settleFailure(
  tx: Transaction,
  { attemptId, deliveryId }: Pick<Claim, "attemptId" | "deliveryId">,
  result: Result,
  lastSuccessAtMs: number | null,
  nowMs: number,
  rules: Rules,
): Promise<Fate["kind"]> {
  // Only of the attempt that counts: another instance may have gone on when this one's lease was over.
  const { rows } = await tx.query<{ tries: number; firstTryAtMs: number }>(
    `select tries, (extract(epoch from first_try_at) * 1000)::float8 as "firstTryAtMs" from delivery
     where id = $1 and attempt_id = $2 and state = 'waiting' for update`,
    [deliveryId, attemptId],
  );
  const [delivery] = rows;
  if (delivery === undefined) return "again";
  const fate = fateAfter(delivery, result, lastSuccessAtMs, nowMs, rules, Math.random());
  await tx.query(
    `update delivery set claimed_until = null, attempt_id = null, state = $2, try_at = coalesce($3, try_at) where id = $1`,
    [deliveryId, fate.kind === "again" ? "waiting" : "exhausted", fate.kind === "again" ? new Date(fate.atMs) : null],
  );
  return fate.kind;
}

type Locked = { readonly health: Health; readonly nowMs: number; readonly lastSuccessAtMs: number | null };

async function lockEndpoint(tx: Transaction, endpoint: string): Promise<Locked> {
  const ms = (what: string) => `(extract(epoch from ${what}) * 1000)::float8`;
  const { rows } = await tx.query<Health & { nowMs: number; lastSuccessAtMs: number | null }>(
    `select state, failures, disabled_because as because, ${ms("failing_since")} as "failingSinceMs",
       ${ms("probe_at")} as "probeAtMs", ${ms("last_success_at")} as "lastSuccessAtMs", ${ms("clock_timestamp()")} as "nowMs"
     from endpoint where name = $1 for no key update`,
    [endpoint],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`the row of endpoint ${endpoint} is gone`);
  const { nowMs, lastSuccessAtMs, ...health } = row;
  return { health, nowMs, lastSuccessAtMs };
}

export async function saveHealth(tx: Transaction, endpoint: string, health: Health, succeeded: boolean): Promise<void> {
  const { state, failures, failingSinceMs, because, probeAtMs } = health;
  await tx.query(
    `update endpoint set state = $2, failures = $3, failing_since = $4, disabled_because = $5, probe_at = $6,
       disabled_at = case when $2 <> 'disabled' then null else coalesce(disabled_at, now()) end,
       last_success_at = case when $7 then now() else last_success_at end
     where name = $1`,
    [
      ...[endpoint, state, failures, failingSinceMs === null ? null : new Date(failingSinceMs), because],
      ...[probeAtMs === Number.POSITIVE_INFINITY ? "infinity" : new Date(probeAtMs), succeeded],
    ],
  );
}

/** An endpoint is well again: what waited for it need not wait longer. */
export async function tryAllNow(tx: Transaction, endpoint: string): Promise<void> {
  await tx.query("update delivery set try_at = now() where endpoint = $1 and state = 'waiting' and try_at > now()", [
    endpoint,
  ]);
  await tx.query("select pg_notify($1, '')", [CHANNEL]);
}
