// What waits for time or for people, and what people have said: a veto stops for ever, a release is for one transaction.
import type { Queryable, Transaction } from "@sluice/postgres";
import { type Deliberation, type People, verifyDecision } from "@sluice/second-opinion";

/** Their wait counts from the first time that they were found to wait. */
export async function startDeliberation(
  tx: Transaction,
  taskId: string,
  withdrawalIds: readonly string[],
  nowMs: number,
): Promise<void> {
  await tx.query(
    `insert into deliberation (withdrawal_id, task_id, since_ms) select unnest($1::text[]), $2, $3
     on conflict (withdrawal_id) do update set task_id = $2`,
    [withdrawalIds, taskId, nowMs],
  );
}

export async function loadDeliberations(
  database: Queryable,
  withdrawalIds: readonly string[],
): Promise<ReadonlyMap<string, Deliberation>> {
  const { rows } = await database.query<{
    withdrawal_id: string;
    since_ms: bigint;
    vetoed_by: string | null;
    veto_via: string | null;
    veto_reason: string | null;
  }>(
    "select withdrawal_id, since_ms, vetoed_by, veto_via, veto_reason from deliberation where withdrawal_id = any($1)",
    [withdrawalIds],
  );
  return new Map(
    rows.map(({ withdrawal_id, since_ms, vetoed_by: person, veto_via, veto_reason }) => {
      const veto = person === null ? null : { person, via: veto_via ?? "", reason: veto_reason ?? "" };
      return [withdrawal_id, { sinceMs: Number(since_ms), veto }];
    }),
  );
}

export type Veto = {
  readonly person: string;
  readonly via: string;
  readonly reason: string;
  /** What shows who it was. A veto that could not be shown would stop all the same: no is always safe. */
  readonly proof: Uint8Array;
};

/** The withdrawals of this task that wait. Empty when none does; one that was vetoed before keeps its first veto. */
export async function recordVeto(
  tx: Transaction,
  taskId: string,
  veto: Veto,
  nowMs: number,
): Promise<readonly string[]> {
  const { rows } = await tx.query<{ withdrawal_id: string }>(
    `update deliberation set vetoed_by = coalesce(vetoed_by, $2), veto_via = coalesce(veto_via, $3),
       veto_reason = coalesce(veto_reason, $4), veto_proof = coalesce(veto_proof, $5),
       vetoed_at_ms = coalesce(vetoed_at_ms, $6)
     where task_id = $1 returning withdrawal_id`,
    [taskId, veto.person, veto.via, veto.reason, veto.proof, nowMs],
  );
  return rows.map(({ withdrawal_id }) => withdrawal_id);
}

export async function recordRelease(
  tx: Transaction,
  release: {
    readonly taskId: string;
    readonly transactionId: string;
    readonly person: string;
    readonly signature: Uint8Array;
  },
  nowMs: number,
): Promise<void> {
  const { taskId, transactionId, person, signature } = release;
  await tx.query(
    `insert into release (task_id, transaction_id, person, signature, at_ms) values ($1, $2, $3, $4, $5)
     on conflict (task_id, transaction_id, person) do update set signature = $4, at_ms = $5`,
    [taskId, transactionId, person, signature, nowMs],
  );
}

/** Somebody whose signature over this very transaction holds by the bundle in force now; null if nobody's does. */
export async function findRelease(
  database: Queryable,
  people: People,
  taskId: string,
  transactionId: string,
  nowMs: number,
): Promise<string | null> {
  const { rows } = await database.query<{ person: string; signature: Buffer }>(
    "select person, signature from release where task_id = $1 and transaction_id = $2 order by person",
    [taskId, transactionId],
  );
  const valid = rows.find(({ person, signature }) => {
    const decision = { kind: "release", taskId, transactionId, person } as const;
    return verifyDecision(people, decision, signature, nowMs).ok;
  });
  return valid?.person ?? null;
}
