// All SQL about nonces: each counts once for a key. The table is made by the migrations of online-risk.
import type { Queryable, Transaction } from "@sluice/postgres";

export type Nonce = { readonly keyId: string; readonly nonce: string; readonly createdAtMs: number };

/**
 * For each whether it was new for its key; of the same one twice, the first is. Waits for another transaction that spends one
 * of them; in one order everywhere, so that two do not wait for each other.
 */
export async function spendNonces(tx: Transaction, nonces: readonly Nonce[]): Promise<readonly boolean[]> {
  const { rows } = await tx.query<{ keyId: string; nonce: string }>(
    `insert into request_nonce (key_id, nonce, created_at_ms)
     select distinct on (key_id, nonce) key_id, nonce, created_at_ms from unnest($1::text[], $2::text[], $3::bigint[])
       as given (key_id, nonce, created_at_ms) order by key_id, nonce
     on conflict do nothing returning key_id as "keyId", nonce`,
    [nonces.map(({ keyId }) => keyId), nonces.map(({ nonce }) => nonce), nonces.map(({ createdAtMs }) => createdAtMs)],
  );
  const spent = new Set(rows.map(nameOf));
  return nonces.map((each) => spent.delete(nameOf(each)));
}

function nameOf({ keyId, nonce }: Pick<Nonce, "keyId" | "nonce">): string {
  return JSON.stringify([keyId, nonce]);
}

export async function pruneNonces(database: Queryable, createdBeforeMs: number): Promise<number> {
  return (await database.query("delete from request_nonce where created_at_ms < $1", [createdBeforeMs])).rowCount;
}
