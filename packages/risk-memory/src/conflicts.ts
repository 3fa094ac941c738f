// All SQL about what can prove that a withdrawal failed: anchors, our own transactions, what others have spent, and people's words.
import type { OpenedOf, SignedRequest } from "@sluice/contracts";
import type { ConflictFacts, SpentInput } from "@sluice/core";
import type { Queryable, Transaction } from "@sluice/postgres";
import { type KeptRequest, keptRequest, readKept } from "./requests.ts";

/** False when another one was named before: an anchor never changes. */
export async function noteAnchor(tx: Transaction, withdrawalId: string, anchor: string): Promise<boolean> {
  const { rows } = await tx.query<{ same: boolean }>(
    `insert into anchor (withdrawal_id, anchor) values ($1, $2)
     on conflict (withdrawal_id) do update set anchor = anchor.anchor returning anchor.anchor = $2 as same`,
    [withdrawalId, anchor],
  );
  return rows[0]?.same === true;
}

/** A transaction that is signed for a withdrawal, so that it is never taken for a stranger's. */
export async function noteOwnTransaction(tx: Transaction, withdrawalId: string, transactionId: string): Promise<void> {
  await tx.query("insert into own_transaction (withdrawal_id, transaction_id) values ($1, $2) on conflict do nothing", [
    withdrawalId,
    transactionId,
  ]);
}

/** The gateway's newest word about one of our transactions, as it sealed it. What is older than what is known is left. */
export async function noteConflict(
  tx: Transaction,
  { message, envelope }: OpenedOf<"transaction.conflicted.v1">,
): Promise<void> {
  const { transactionId, revision, spent = [], requiredConfirmations = 0 } = message;
  // About a coin that no transaction of ours spends: that fails no withdrawal.
  if (transactionId === "") return;
  const inputs = spent.map((each): SpentInput => ({ ofTransactionId: transactionId, requiredConfirmations, ...each }));
  await tx.query(
    `insert into conflict (transaction_id, revision, spent, envelope) values ($1, $2, $3, $4)
     on conflict (transaction_id) do update set revision = $2, spent = $3, envelope = $4 where conflict.revision < $2`,
    [transactionId, revision, JSON.stringify(inputs), envelope],
  );
}

/** What a person has said about a withdrawal that is to fail. */
export type FailureWord = {
  readonly keyId: string;
  readonly conflictingTransactionId: string;
  readonly reason: string;
  readonly saidAtMs: number;
};

/** Each key has one word; a later one takes its place. */
export async function saveFailureWord(
  tx: Transaction,
  withdrawalId: string,
  { keyId, conflictingTransactionId, reason, saidAtMs }: FailureWord,
  request: SignedRequest,
): Promise<void> {
  await tx.query(
    `insert into failure_word (withdrawal_id, key_id, conflicting_transaction_id, reason, said_at_ms, request)
     values ($1, $2, $3, $4, $5, $6) on conflict (withdrawal_id, key_id) do update
     set conflicting_transaction_id = $3, reason = $4, said_at_ms = $5, request = $6`,
    [withdrawalId, keyId, conflictingTransactionId, reason, saidAtMs, keptRequest(request)],
  );
}

/** What these keys signed, in the order of the words. */
export async function loadFailureRequests(
  tx: Transaction,
  withdrawalId: string,
  keyIds: readonly string[],
): Promise<readonly SignedRequest[]> {
  const { rows } = await tx.query<{ request: KeptRequest }>(
    "select request from failure_word where withdrawal_id = $1 and key_id = any($2) order by said_at_ms, key_id",
    [withdrawalId, keyIds],
  );
  return rows.map(({ request }) => readKept(request));
}

/** The gateway's sealed word that has this transaction in the place of one of ours. */
export async function loadConflictEnvelope(
  tx: Transaction,
  outpoint: string,
  conflictingTransactionId: string,
): Promise<Uint8Array> {
  const { rows } = await tx.query<{ envelope: Buffer }>(
    "select envelope from conflict where spent @> $1::jsonb order by revision desc limit 1",
    [JSON.stringify([{ outpoint, transactionId: conflictingTransactionId }])],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`the gateway's word about ${conflictingTransactionId} is gone`);
  return new Uint8Array(row.envelope);
}

export type Failing = { readonly facts: ConflictFacts; readonly words: readonly FailureWord[] };

/**
 * As a column of a statement about withdrawals, so that it is as of the same moment. The conflicts are those of its own
 * transactions and of the one that made its anchor.
 */
export const FAILING = `(select json_build_object(
    'facts', json_build_object(
      'anchor', (select anchor from anchor where withdrawal_id = withdrawal.id),
      'ownTransactionIds', (select coalesce(json_agg(transaction_id order by transaction_id), '[]')
                            from own_transaction where withdrawal_id = withdrawal.id),
      'spent', (select coalesce(json_agg(input order by conflict.transaction_id), '[]')
                from conflict, jsonb_array_elements(conflict.spent) as input
                where conflict.transaction_id in (
                  select transaction_id from own_transaction where withdrawal_id = withdrawal.id
                  union select split_part(anchor, ':', 1) from anchor where withdrawal_id = withdrawal.id))),
    'words', (select coalesce(json_agg(json_build_object('keyId', key_id, 'reason', reason, 'saidAtMs', said_at_ms,
                'conflictingTransactionId', conflicting_transaction_id) order by said_at_ms, key_id), '[]')
              from failure_word where withdrawal_id = withdrawal.id)))`;

export async function loadFailing(database: Queryable, withdrawalId: string): Promise<Failing> {
  const { rows } = await database.query<{ failing: Failing }>(
    `select ${FAILING} as failing from withdrawal where id = $1`,
    [withdrawalId],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`${withdrawalId} is gone`);
  return row.failing;
}
