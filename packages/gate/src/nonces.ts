// All SQL about nonces: each counts once for a key. The table is made by the migrations of online-risk.
import type { Queryable, Transaction } from "@sluice/postgres";

/** True when the nonce was new for the key. Waits for another transaction that spends the same one. */
export async function spendNonce(tx: Transaction, keyId: string, nonce: string, createdAtMs: number): Promise<boolean> {
  const { rowCount } = await tx.query(
    "insert into request_nonce (key_id, nonce, created_at_ms) values ($1, $2, $3) on conflict do nothing",
    [keyId, nonce, createdAtMs],
  );
  return rowCount === 1;
}

export async function pruneNonces(database: Queryable, createdBeforeMs: number): Promise<number> {
  return (await database.query("delete from request_nonce where created_at_ms < $1", [createdBeforeMs])).rowCount;
}
