// What the zone remembers of payments, as far as the verdict on one task can need it.
import type { VelocityEntry } from "@sluice/core";
import type { Transaction } from "@sluice/postgres";
import {
  type EarlierPayment,
  type EarlierTask,
  type History,
  longestWindowMs,
  originOf,
  type Policy,
  type ReadTask,
} from "@sluice/second-opinion";

const HOUR_MS = 60 * 60 * 1_000;
/** Of an account's earlier payments the newest: enough to say what is usual. */
const MOST_USUAL = 500;

type Memory = Omit<History, "firstJudgedAtMs" | "deliberations" | "releasedBy">;

/**
 * `spared` are its inputs among those asked about, if each is missing in a signed task that pays all the same withdrawals. One
 * that was only ordered does not count: it may be released yet, and then nothing was signed without the input.
 */
const SPENDERS = `
  select task.id as "taskId", task.txid, array_remove(array_agg(distinct attempt.withdrawal_id), null) as "withdrawalIds",
         case when bool_and(exists (
           select from payment_attempt common join task version on version.id = common.task_id
           where common.withdrawal_id = attempt.withdrawal_id and version.state = 'signed'
             and not exists (select from task_input same
                             where same.task_id = version.id and same.outpoint = input.outpoint)
             and not exists (select from payment_attempt mine where mine.task_id = task.id and not exists (
               select from payment_attempt theirs
               where theirs.task_id = version.id and theirs.withdrawal_id = mine.withdrawal_id))
         )) then array_agg(distinct input.outpoint) end as spared
  from task_input input join task on task.id = input.task_id left join payment_attempt attempt on attempt.task_id = task.id
  where input.outpoint = any($1) group by task.id order by task.id`;

/** Everything that the limits and the rule of paying once can need for these withdrawals. */
export async function loadMemory(
  tx: Transaction,
  walletId: string,
  { due, decoded }: ReadTask,
  policy: Policy,
  nowMs: number,
): Promise<Memory> {
  const sinceMs = nowMs - longestWindowMs(policy);
  const ids = due.map(({ withdrawalId }) => withdrawalId);
  const paid = await tx.query<EarlierPayment & { withdrawalId: string }>(
    `select withdrawal_id as "withdrawalId", anchor, task_id as "taskId", txid,
       encode(script, 'hex') as "scriptHex", amount_sat as "amountSat" from payment where withdrawal_id = any($1)`,
    [ids],
  );
  const spenders = await tx.query<EarlierTask>(SPENDERS, [decoded.inputs.map(({ outpoint }) => outpoint)]);
  const accounts = due.map(({ account }) => account);
  const scripts = due.map(({ scriptHex }) => Buffer.from(scriptHex, "hex"));
  const byAccount = await entriesBy(tx, "account as key", "account = any($1)", accounts, sinceMs);
  const byDestination = await entriesBy(tx, "encode(script, 'hex') as key", "script = any($1)", scripts, sinceMs);
  const origins = due.map(originOf);
  const byOrigin = await entriesBy(tx, "requester_key as key", "requester_key = any($1)", origins, sinceMs);
  const outflow = await tx.query<{ at_ms: bigint; amount_sat: bigint; internal: boolean; anchor: string | null }>(
    "select at_ms, amount_sat, internal, anchor from outflow where wallet_id = $1 and at_ms > $2",
    [walletId, sinceMs],
  );
  const highest = await tx.query<{ walletId: string; index: number }>(
    `select wallet_id as "walletId", max(change_index) as index from outflow
     where change_index is not null group by wallet_id`,
  );
  return {
    changeIndexes: new Map(highest.rows.map(({ walletId: id, index }) => [id, index])),
    paid: new Map(paid.rows.map(({ withdrawalId, ...earlier }) => [withdrawalId, earlier])),
    spenders: spenders.rows,
    byAccount,
    byDestination,
    byOrigin,
    ofWallet: outflow.rows.map((row) => ({ ...toEntry(row), anchor: row.anchor })),
    internalFees: outflow.rows.filter(({ internal }) => internal).map(toEntry),
    usualOfAccount: await usualOfAccount(tx, accounts, nowMs - policy.baseline.historyMs),
    ...(await hoursOfWallet(tx, walletId, policy.baseline.historyMs, nowMs)),
  };
}

async function entriesBy(
  tx: Transaction,
  key: "account as key" | "encode(script, 'hex') as key" | "requester_key as key",
  among: "account = any($1)" | "script = any($1)" | "requester_key = any($1)",
  keys: readonly (string | Buffer)[],
  sinceMs: number,
): Promise<ReadonlyMap<string, readonly VelocityEntry[]>> {
  const { rows } = await tx.query<{ key: string; at_ms: bigint; amount_sat: bigint }>(
    `select ${key}, at_ms, amount_sat from payment where ${among} and at_ms > $2`,
    [keys, sinceMs],
  );
  const entries = new Map<string, VelocityEntry[]>();
  for (const row of rows) entries.set(row.key, [...(entries.get(row.key) ?? []), toEntry(row)]);
  return entries;
}

function toEntry(row: { readonly at_ms: bigint; readonly amount_sat: bigint }): VelocityEntry {
  return { atMs: Number(row.at_ms), amountMinor: row.amount_sat };
}

async function usualOfAccount(
  tx: Transaction,
  accounts: readonly string[],
  sinceMs: number,
): Promise<ReadonlyMap<string, readonly bigint[]>> {
  const { rows } = await tx.query<{ account: string; amounts: readonly bigint[] }>(
    `select account, (select coalesce(array_agg(amount_sat), '{}') from (
       select amount_sat from payment where payment.account = asked.account and at_ms > $2
       order by at_ms desc limit $3) newest) as amounts
     from unnest($1::text[]) as asked (account)`,
    [[...new Set(accounts)], sinceMs, MOST_USUAL],
  );
  return new Map(rows.map(({ account, amounts }) => [account, amounts.map(BigInt)]));
}

/** Hours are counted back from now, so that the last one is always whole. At most 90 days of them. */
async function hoursOfWallet(tx: Transaction, walletId: string, historyMs: number, nowMs: number) {
  const { rows } = await tx.query<{ hour: bigint; sat: bigint }>(
    `select ($3::bigint - at_ms) / $4 as hour, sum(amount_sat)::bigint as sat from (
       select max(at_ms) as at_ms, max(amount_sat) as amount_sat from outflow
       where wallet_id = $1 and at_ms > $2 and not internal group by coalesce(anchor, txid)) versions
     group by 1`,
    [walletId, nowMs - historyMs, nowMs, HOUR_MS],
  );
  return {
    thisHourOfWalletSat: rows.find(({ hour }) => hour === 0n)?.sat ?? 0n,
    usualHoursOfWallet: rows.flatMap(({ hour, sat }) => (hour === 0n || sat === 0n ? [] : [sat])),
  };
}
