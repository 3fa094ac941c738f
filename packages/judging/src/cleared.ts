// All SQL about what accounts were cleared for, with what is cleared since in the same transaction.
import type { VelocityEntry } from "@sluice/core";
import type { Transaction } from "@sluice/postgres";
import type { Stored } from "@sluice/risk-memory";

type Owner = Pick<Stored, "account" | "asset">;

export type Cleared = {
  /** What an account was cleared for of an asset after the time that was asked for, without what was never paid after all. */
  readonly of: (owner: Owner) => readonly VelocityEntry[];
  readonly add: (owner: Owner, entry: VelocityEntry) => void;
};

export async function loadCleared(tx: Transaction, owners: readonly Owner[], afterMs: number): Promise<Cleared> {
  const known = new Map<string, VelocityEntry[]>(owners.map((owner) => [nameOf(owner), []]));
  const asked = [...new Map(owners.map((owner) => [nameOf(owner), owner])).values()];
  const { rows } = await tx.query<Owner & { atMs: number; amountMinor: string }>(
    `select w.account, w.asset, cleared_at_ms::float8 as "atMs", amount_minor as "amountMinor"
     from unnest($1::text[], $2::text[]) as k (account, asset)
     join withdrawal w on w.account = k.account and w.asset = k.asset and w.cleared_at_ms > $3
     where w.state not in ('refused', 'failed')`,
    [asked.map(({ account }) => account), asked.map(({ asset }) => asset), afterMs],
  );
  for (const { account, asset, atMs, amountMinor } of rows) {
    known.get(nameOf({ account, asset }))?.push({ atMs, amountMinor: BigInt(amountMinor) });
  }
  return {
    of: (owner) => known.get(nameOf(owner)) ?? [],
    add: (owner, entry) => {
      // As the statement above has it, also where the policy has no window at all.
      if (entry.atMs > afterMs) known.get(nameOf(owner))?.push(entry);
    },
  };
}

function nameOf({ account, asset }: Owner): string {
  return `${asset}:${account}`;
}
