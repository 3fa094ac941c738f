// All SQL about where an account's money was asked to go.
import type { Transaction } from "@sluice/postgres";
import type { NewWithdrawal, Stored } from "./withdrawals.ts";

/** Notes when an account first asked for money to go somewhere. `ends` are the parts of the address people look at. */
export async function noteDestination(tx: Transaction, item: NewWithdrawal, ends: string): Promise<void> {
  await tx.query(
    `insert into destination (account, script_pubkey, address, ends, first_seen_at_ms) values ($1, $2, $3, $4, $5)
     on conflict do nothing`,
    [item.account, item.scriptPubKey, item.address, ends, item.receivedAtMs],
  );
}

export async function approveDestination(
  tx: Transaction,
  { account, scriptPubKey }: Stored,
  atMs: number,
): Promise<void> {
  await tx.query(
    `update destination set approved_at_ms = $3
     where account = $1 and script_pubkey = $2 and approved_at_ms is null`,
    [account, scriptPubKey, atMs],
  );
}

export type StoredDestination = {
  readonly firstSeenAtMs: number;
  readonly approvedAtMs: number | null;
  /** The address of an older destination of the account with the same ends. */
  readonly resembles: string | null;
};

export async function loadDestination(
  tx: Transaction,
  { account, scriptPubKey }: Pick<Stored, "account" | "scriptPubKey">,
): Promise<StoredDestination> {
  const { rows } = await tx.query<StoredDestination>(
    `select d.first_seen_at_ms::float8 as "firstSeenAtMs", d.approved_at_ms::float8 as "approvedAtMs",
       (select address from destination o where o.account = d.account and o.ends = d.ends
          and o.script_pubkey <> d.script_pubkey and o.first_seen_at_ms < d.first_seen_at_ms limit 1) as resembles
     from destination d where account = $1 and script_pubkey = $2`,
    [account, scriptPubKey],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`a destination of ${account} is gone`);
  return row;
}
