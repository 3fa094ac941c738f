// All SQL about where an account's money was asked to go.
import type { Transaction } from "@sluice/postgres";
import type { NewWithdrawal, Stored } from "./withdrawals.ts";

/** Notes when accounts first asked for money to go somewhere. `ends` are the parts of the address people look at. */
export async function noteDestinations(
  tx: Transaction,
  noted: readonly (NewWithdrawal & { readonly ends: string })[],
): Promise<void> {
  await tx.query(
    `insert into destination (account, script_pubkey, address, ends, first_seen_at_ms)
     select distinct on (account, script) * from unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::bigint[])
       as given (account, script, address, ends, at_ms) order by account, script, at_ms
     on conflict do nothing`,
    [
      ...[noted.map(({ account }) => account), noted.map(({ scriptPubKey }) => Buffer.from(scriptPubKey))],
      ...[noted.map(({ address }) => address), noted.map(({ ends }) => ends)],
      noted.map(({ receivedAtMs }) => receivedAtMs),
    ],
  );
}

export async function approveDestinations(
  tx: Transaction,
  approved: readonly (Pick<Stored, "account" | "scriptPubKey"> & { readonly atMs: number })[],
): Promise<void> {
  await tx.query(
    `update destination d set approved_at_ms = a.at_ms
     from (select account, script, min(at_ms) as at_ms from unnest($1::text[], $2::bytea[], $3::bigint[]) as a (account, script, at_ms)
           group by account, script) a
     where d.account = a.account and d.script_pubkey = a.script and d.approved_at_ms is null`,
    [
      approved.map(({ account }) => account),
      approved.map(({ scriptPubKey }) => scriptPubKey),
      approved.map(({ atMs }) => atMs),
    ],
  );
}

export type StoredDestination = {
  readonly firstSeenAtMs: number;
  readonly approvedAtMs: number | null;
  /** The address of an older destination of the account with the same ends. */
  readonly resembles: string | null;
};

/** In the order of what was asked for; undefined where the account never asked for money to go there. */
export async function loadDestinations(
  tx: Transaction,
  asked: readonly Pick<Stored, "account" | "scriptPubKey">[],
): Promise<readonly (StoredDestination | undefined)[]> {
  const { rows } = await tx.query<StoredDestination & { readonly place: number }>(
    `select k.place::integer, d.first_seen_at_ms::float8 as "firstSeenAtMs", d.approved_at_ms::float8 as "approvedAtMs",
       (select address from destination o where o.account = d.account and o.ends = d.ends
          and o.script_pubkey <> d.script_pubkey and o.first_seen_at_ms < d.first_seen_at_ms limit 1) as resembles
     from unnest($1::text[], $2::bytea[]) with ordinality as k (account, script, place)
     join destination d on d.account = k.account and d.script_pubkey = k.script`,
    [asked.map(({ account }) => account), asked.map(({ scriptPubKey }) => scriptPubKey)],
  );
  const found = new Map(rows.map(({ place, ...destination }) => [place, destination]));
  return asked.map((_, at) => found.get(at + 1));
}
