// What the rules on behaviour ask, read in the transaction that judges: only what the policy's rules look at.
import type { Asset } from "@sluice/core";
import type { Behaviour, BehaviourPolicy, PastWithdrawal, VelocityScope } from "@sluice/online-rules";
import type { Transaction } from "@sluice/postgres";
import { historyOf, type Login } from "@sluice/signals";
import { countDeviceAccounts, loadSignals } from "./signals.ts";

/** The withdrawal that is judged. */
export type Judged = {
  readonly id: string;
  readonly account: string;
  readonly asset: Asset;
  readonly scriptPubKey: Uint8Array;
};

/**
 * Limits over more than one account hold although several instances judge at once: who counts together is locked until the
 * end of the transaction, always in the scopes' order, so that nobody waits for each other.
 */
export async function gatherBehaviour(
  tx: Transaction,
  policy: BehaviourPolicy,
  judged: Judged,
  nowMs: number,
): Promise<Behaviour> {
  const signals = await loadSignals(tx, judged.account, nowMs);
  const history = historyOf(signals, nowMs);
  const session = history.logins.at(-1) ?? null;
  if (session !== null) await noteSession(tx, judged.id, session);
  const cleared = { account: NONE, destination: NONE, device: NONE, ip: NONE, asset: NONE, all: NONE };
  const scopes: Partial<Record<VelocityScope, readonly PastWithdrawal[]>> = {};
  for (const over of ORDER) {
    const longestMs = Math.max(0, ...policy.windows.map((window) => (window.over === over ? window.windowMs : 0)));
    const value = scopeValue(over, judged, session);
    if (longestMs === 0 || value === null) continue;
    if (over !== "account") await lock(tx, over, value);
    scopes[over] = await listCleared(tx, over, value, nowMs - longestMs);
  }
  const deviceMs = policy.sharedDevice?.windowMs ?? 0;
  const isCounted = session !== null && deviceMs > 0;
  return {
    ...{ asset: judged.asset, history, cleared: { ...cleared, ...scopes } },
    requested: await listRequested(tx, judged),
    deviceAccounts: isCounted ? await countDeviceAccounts(tx, session.device, nowMs - deviceMs, nowMs) : 0,
    ...(await loadFanIn(tx, judged.scriptPubKey, nowMs - (policy.fanIn?.windowMs ?? 0))),
  };
}

const NONE: readonly PastWithdrawal[] = [];
const ORDER: readonly VelocityScope[] = ["account", "destination", "device", "ip", "asset", "all"];

/** Whose withdrawals count together with this one; null when that is not known. */
function scopeValue(over: VelocityScope, judged: Judged, session: Login | null): string | null {
  switch (over) {
    case "account":
      return judged.account;
    case "destination":
      return Buffer.from(judged.scriptPubKey).toString("hex");
    case "asset":
      return judged.asset;
    case "all":
      return "";
    default:
      return session === null ? null : session[over];
  }
}

async function lock(tx: Transaction, over: VelocityScope, value: string): Promise<void> {
  await tx.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [`${over}:${value}`]);
}

/** From what the account was withdrawn, as far as it was known when it was judged. */
async function noteSession(tx: Transaction, id: string, { device, ip }: Login): Promise<void> {
  await tx.query(
    `insert into withdrawal_session (withdrawal_id, device, ip) values ($1, $2, $3)
     on conflict (withdrawal_id) do update set device = excluded.device, ip = excluded.ip`,
    [id, device, ip],
  );
}

const COLUMNS = `w.cleared_at_ms::float8 as "atMs", w.asset, w.amount_minor as "amountMinor"`;
const PAID = "w.cleared_at_ms > $2 and w.state not in ('refused', 'failed')";

/** Whatever counts over all accounts is summed by the minute, and counts to the end of it. */
const CLEARED: Readonly<Record<VelocityScope, string>> = {
  account: `select ${COLUMNS} from withdrawal w where w.account = $1 and ${PAID}`,
  destination: `select ${COLUMNS} from withdrawal w where w.script_pubkey = decode($1, 'hex') and ${PAID}`,
  device: `select ${COLUMNS} from withdrawal_session s join withdrawal w on w.id = s.withdrawal_id where s.device = $1 and ${PAID}`,
  ip: `select ${COLUMNS} from withdrawal_session s join withdrawal w on w.id = s.withdrawal_id where s.ip = $1 and ${PAID}`,
  asset: `select (m.minute_ms + 59999)::float8 as "atMs", m.asset, m.amount_minor as "amountMinor", m.count
          from cleared_minute m where m.asset = $1 and m.minute_ms + 59999 > $2`,
  all: `select (m.minute_ms + 59999)::float8 as "atMs", m.asset, m.amount_minor as "amountMinor", m.count
        from cleared_minute m where $1 = '' and m.minute_ms + 59999 > $2`,
};

async function listCleared(
  tx: Transaction,
  over: VelocityScope,
  value: string,
  afterMs: number,
): Promise<readonly PastWithdrawal[]> {
  type Row = { atMs: number; asset: Asset; amountMinor: string; count?: number };
  const { rows } = await tx.query<Row>(CLEARED[over], [value, afterMs]);
  return rows.flatMap(({ atMs, asset, amountMinor, count = 1 }) => {
    const first = { atMs, asset, amountMinor: BigInt(amountMinor) };
    // The sum once, and as many more of nothing as were counted.
    return [first, ...Array.from({ length: count - 1 }, () => ({ atMs, asset, amountMinor: 0n }))];
  });
}

/** The newest of what the account requested before, but for what the rules refused. */
async function listRequested(tx: Transaction, { id, account }: Judged): Promise<readonly PastWithdrawal[]> {
  const { rows } = await tx.query<{ atMs: number; asset: Asset; amountMinor: string }>(
    `select received_at_ms::float8 as "atMs", asset, amount_minor as "amountMinor" from (
       select * from withdrawal where account = $1 order by number desc limit 500) newest
     where id <> $2 and state not in ('rejected', 'cancelled')`,
    [account, id],
  );
  return rows.map((row) => ({ ...row, amountMinor: BigInt(row.amountMinor) }));
}

type FanIn = Pick<Behaviour, "destinationAccounts" | "destinationSeenAtMs">;

async function loadFanIn(tx: Transaction, scriptPubKey: Uint8Array, afterMs: number): Promise<FanIn> {
  const { rows } = await tx.query<FanIn>(
    `select (select count(*)::float8 from (select from destination where script_pubkey = $1 and first_seen_at_ms > $2
               limit 10000) lately) as "destinationAccounts",
            (select min(first_seen_at_ms)::float8 from destination where script_pubkey = $1) as "destinationSeenAtMs"`,
    [scriptPubKey, afterMs],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a destination is gone");
  return row;
}
