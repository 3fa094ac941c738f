// All SQL of the console.
import type { MessageOf } from "@sluice/contracts";
import type { Queryable, Transaction } from "@sluice/postgres";

export async function addChange(tx: Transaction, change: MessageOf<"withdrawal.changed.v1">): Promise<void> {
  await tx.query(
    `insert into withdrawal_change (withdrawal_id, revision, account, asset, amount_minor, address, state, detail,
       transaction_id, confirmations, findings, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing`,
    [
      change.withdrawalId,
      change.revision,
      change.account,
      change.asset,
      change.amountMinor,
      change.address,
      change.state,
      change.detail,
      change.transactionId,
      change.confirmations,
      JSON.stringify(change.findings),
      new Date(change.changedAtMs),
    ],
  );
}

export async function keepPayer(tx: Transaction, transactionId: string, walletId: string): Promise<void> {
  await tx.query("insert into payer (transaction_id, wallet_id) values ($1, $2) on conflict do nothing", [
    transactionId,
    walletId,
  ]);
}

/** Keeps the newest only, whichever comes last. */
export async function keepZoneReport(
  tx: Transaction,
  occurredAtMs: number,
  report: MessageOf<"zone.reported.v1">,
): Promise<void> {
  const json = toJson({ ...report, metrics: undefined });
  await tx.query(
    `insert into zone_report (occurred_at, report) values ($1, $2)
     on conflict (only_one) do update set occurred_at = $1, report = $2 where zone_report.occurred_at < $1`,
    [new Date(occurredAtMs), json],
  );
}

export type ListedWithdrawal = {
  readonly withdrawalId: string;
  readonly account: string;
  readonly asset: string;
  readonly amountMinor: string;
  readonly address: string;
  readonly state: string;
  readonly detail: string;
  readonly transactionId: string;
  /** That pays, as far as it was heard of; empty otherwise. */
  readonly walletId: string;
  readonly confirmations: number;
  readonly changedAt: Date;
};

const COLUMNS = `withdrawal_id as "withdrawalId", account, asset, amount_minor as "amountMinor", address, state, detail,
  transaction_id as "transactionId", coalesce(wallet_id, '') as "walletId", confirmations, changed_at as "changedAt"`;
const AND_PAYERS = "left join payer using (transaction_id)";

/** The newest first. */
export async function listWithdrawals(database: Queryable, limit: number): Promise<readonly ListedWithdrawal[]> {
  const { rows } = await database.query<ListedWithdrawal>(
    `select ${COLUMNS} from withdrawal ${AND_PAYERS} order by changed_at desc, withdrawal_id limit $1`,
    [limit],
  );
  return rows;
}

export type ListedChange = ListedWithdrawal & { readonly revision: number; readonly findings: unknown };

/** Every change of one withdrawal, the first first. */
export async function listChanges(database: Queryable, withdrawalId: string): Promise<readonly ListedChange[]> {
  const { rows } = await database.query<ListedChange>(
    `select ${COLUMNS}, revision, findings from withdrawal_change ${AND_PAYERS} where withdrawal_id = $1 order by revision`,
    [withdrawalId],
  );
  return rows;
}

export type Notice = { readonly type: string; readonly key: string };

/** Keeps the newest only of each kind and key, whichever comes last. */
export async function keepNotice(
  tx: Transaction,
  { type, key, occurredAtMs, body }: Notice & { readonly occurredAtMs: number; readonly body: object },
): Promise<void> {
  await tx.query(
    `insert into notice (type, key, occurred_at, body) values ($1, $2, $3, $4)
     on conflict (type, key) do update set occurred_at = $3, body = $4 where notice.occurred_at < $3`,
    [type, key, new Date(occurredAtMs), toJson(body)],
  );
}

export type ListedNotice = Notice & { readonly occurredAt: Date; readonly body: unknown };

/** The newest first. */
export async function listNotices(database: Queryable, limit: number): Promise<readonly ListedNotice[]> {
  const { rows } = await database.query<ListedNotice>(
    'select type, key, occurred_at as "occurredAt", body from notice order by occurred_at desc, type, key limit $1',
    [limit],
  );
  return rows;
}

function toJson(value: object): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner));
}

export type KeptZoneReport = { readonly occurredAt: Date; readonly report: unknown };

export async function readZoneReport(database: Queryable): Promise<KeptZoneReport | null> {
  const { rows } = await database.query<KeptZoneReport>('select occurred_at as "occurredAt", report from zone_report');
  return rows[0] ?? null;
}
