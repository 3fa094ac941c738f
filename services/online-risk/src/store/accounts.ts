// All SQL about accounts: what each was cleared for.
import type { VelocityEntry } from "@sluice/core";
import type { Transaction } from "@sluice/postgres";
import type { Stored } from "@sluice/risk-memory";

/** Until the end of the transaction no other instance judges this account: limits are over all that it withdraws. */
export async function lockAccount(tx: Transaction, account: string): Promise<void> {
  await tx.query("select pg_advisory_xact_lock(hashtextextended('account:' || $1::text, 0))", [account]);
}

/** What an account was cleared for after a time, without what was never paid after all. */
export async function listCleared(
  tx: Transaction,
  { account, asset }: Pick<Stored, "account" | "asset">,
  afterMs: number,
): Promise<readonly VelocityEntry[]> {
  const { rows } = await tx.query<{ atMs: number; amountMinor: string }>(
    `select cleared_at_ms::float8 as "atMs", amount_minor as "amountMinor" from withdrawal
     where account = $1 and asset = $2 and cleared_at_ms > $3 and state not in ('refused', 'failed')`,
    [account, asset, afterMs],
  );
  return rows.map((row) => ({ ...row, amountMinor: BigInt(row.amountMinor) }));
}
