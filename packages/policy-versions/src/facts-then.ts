// The facts of a judgement as they were when it was made, read anew. What tables forget is taken from what the judgement noted.
import type { Label, Screened, Tier } from "@sluice/address-labels";
import type { VelocityEntry } from "@sluice/core";
import type { Facts, PastWithdrawal, Policy, ReportAlarm } from "@sluice/online-rules";
import type { Queryable } from "@sluice/postgres";
import { historyOf, type Login, readSignal, type Signal, type ToldSignal } from "@sluice/signals";
import { listClearedThen, SCOPES_THEN, scopeValue } from "./cleared-then.ts";
import type { Judgement, Past, Recorded } from "./judgements.ts";

/** For any of the policies that it was gathered for. */
export type FactsThen = {
  readonly of: (policy: Policy) => Promise<Facts>;
  /** What is not known any more for this policy. */
  readonly unknown: (policy: Policy) => readonly string[];
};

/** @param policies everything that one of them asks is read */
export async function gatherThen(
  database: Queryable,
  past: Past,
  judgement: Judgement,
  policies: readonly Policy[],
): Promise<FactsThen> {
  const { nowMs, recorded } = judgement;
  const history = historyOf(await signalsThen(database, past.account, nowMs), nowMs);
  const session = history.logins.at(-1) ?? null;
  const longest = (of: (policy: Policy) => readonly number[]) => Math.max(0, ...policies.flatMap(of));
  const accountMs = longest(({ accountWindows }) => accountWindows.map(({ windowMs }) => windowMs));
  const own =
    accountMs === 0 ? [] : await listClearedThen(database, "account", past.account, judgement, nowMs - accountMs);
  const cleared: Record<string, readonly PastWithdrawal[]> = {};
  for (const over of SCOPES_THEN) {
    const value = scopeValue(over, past, session);
    const longestMs = longest((policy) =>
      policy.behaviour.windows.map((window) => (window.over === over ? window.windowMs : 0)),
    );
    const isAsked = value !== null && longestMs > 0;
    cleared[over] = isAsked ? await listClearedThen(database, over, value, judgement, nowMs - longestMs) : [];
  }
  const requested = await requestedThen(database, past, judgement);
  const destination = await destinationThen(database, past, nowMs);
  const refusedOfflineAtMs = await refusedThen(database, past.account, nowMs);
  const screened = screenedThen(recorded.get("DESTINATION_LABEL"), nowMs);
  const scriptPubKey = Buffer.from(past.scriptPubKey).toString("hex");
  return { of, unknown };

  /** Required: a fact that a new rule asks about is not forgotten here. */
  async function of({ zone, behaviour }: Policy): Promise<Required<Facts>> {
    const { seenAtMs, ...place } = destination;
    const sinceMs = nowMs - zone.refusedMs;
    return {
      ...{ nowMs, amountMinor: past.amountMinor, waitedMs: nowMs - past.receivedAtMs },
      past: own
        .filter(({ asset }) => asset === past.asset)
        .map(({ atMs, amountMinor }): VelocityEntry => ({ atMs, amountMinor })),
      destination: {
        ...{ ...place, scriptPubKey, screened: screened ?? { kind: "off" } },
        ownWallet: recorded.get("DESTINATION_OWN")?.evidence["walletId"] ?? null,
      },
      alarms: alarmsThen(recorded.get("REPORTS_MISSING")),
      refusedOfflineAtMs: refusedOfflineAtMs !== null && refusedOfflineAtMs > sinceMs ? refusedOfflineAtMs : null,
      suspension: suspensionThen(recorded.get("SUSPENDED")),
      requesterKey: past.keyId,
      allowList: allowListThen(recorded.get("ALLOW_LIST")),
      behaviour: {
        ...{ asset: past.asset, history, requested, cleared: cleared as Facts["behaviour"]["cleared"] },
        deviceAccounts: await deviceAccountsThen(database, session, behaviour.sharedDevice?.windowMs ?? 0, nowMs),
        destinationAccounts: await fanInThen(database, past.scriptPubKey, behaviour.fanIn?.windowMs ?? 0, nowMs),
        destinationSeenAtMs: seenAtMs,
      },
    };
  }

  function unknown({ labels }: Policy): readonly string[] {
    return screened === null && !labels.has(scriptPubKey) ? ["LABELS_UNKNOWN"] : [];
  }
}

/** As loadSignals of signal-memory reads them, without what was told later. */
async function signalsThen(database: Queryable, account: string, nowMs: number): Promise<readonly Signal[]> {
  const { rows } = await database.query<{ id: string; atMs: number; type: string; content: object }>(
    `select s.id, s.at_ms::float8 as "atMs", s.type, s.content
     from unnest(array['login', 'credential', 'deposit', 'profit', 'balance']) kind,
       lateral (select * from signal where account = $1 and type = kind and at_ms <= $2 and received_at_ms <= $2
                order by at_ms desc, id desc limit 1000) s`,
    [account, nowMs],
  );
  return rows.map(({ id, atMs, type, content }) =>
    readSignal({ ...content, id, account, type, at: new Date(atMs).toISOString() } as ToldSignal),
  );
}

/** What was refused or cancelled later still counted then. */
async function requestedThen(
  database: Queryable,
  { number, account }: Past,
  { nowMs, findingId }: Judgement,
): Promise<readonly PastWithdrawal[]> {
  const { rows } = await database.query<{ atMs: number; asset: PastWithdrawal["asset"]; amountMinor: string }>(
    `select received_at_ms::float8 as "atMs", asset, amount_minor as "amountMinor" from (
       select * from withdrawal where account = $1 and received_at_ms <= $3 order by number desc limit 500) newest
     where number <> $2
       and not (state = 'rejected' and exists (select from finding where withdrawal_id = newest.id and verdict = 'reject' and id < $4))
       and not (state = 'cancelled' and exists (select from withdrawal_change c where c.withdrawal_id = newest.id
                                                and c.state = 'cancelled' and c.at_ms <= $3))`,
    [account, number, nowMs, findingId],
  );
  return rows.map((row) => ({ ...row, amountMinor: BigInt(row.amountMinor) }));
}

async function destinationThen(database: Queryable, { account, scriptPubKey }: Past, nowMs: number) {
  type Row = { firstSeenAtMs: number; approvedAtMs: number | null; resembles: string | null; seenAtMs: number };
  const { rows } = await database.query<Row>(
    `select d.first_seen_at_ms::float8 as "firstSeenAtMs",
       case when d.approved_at_ms <= $3 then d.approved_at_ms::float8 end as "approvedAtMs",
       (select address from destination o where o.account = d.account and o.ends = d.ends
          and o.script_pubkey <> d.script_pubkey and o.first_seen_at_ms < d.first_seen_at_ms limit 1) as resembles,
       (select min(first_seen_at_ms)::float8 from destination where script_pubkey = $2) as "seenAtMs"
     from destination d where account = $1 and script_pubkey = $2`,
    [account, scriptPubKey, nowMs],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`a destination of ${account} is gone`);
  return row;
}

async function refusedThen(database: Queryable, account: string, nowMs: number): Promise<number | null> {
  const { rows } = await database.query<{ ms: number | null }>(
    `select max(f.at_ms)::float8 as ms from withdrawal w join finding f on f.withdrawal_id = w.id
     where w.account = $1 and w.state = 'refused' and f.found_by = 'semi-offline-risk' and f.verdict = 'refuse' and f.at_ms <= $2`,
    [account, nowMs],
  );
  return rows[0]?.ms ?? null;
}

async function deviceAccountsThen(
  database: Queryable,
  session: Login | null,
  windowMs: number,
  nowMs: number,
): Promise<number> {
  if (session === null || windowMs === 0) return 0;
  const { rows } = await database.query<{ count: number }>(
    `select count(distinct account)::float8 as count from (
       select account from signal where device = $1 and at_ms > $2 and at_ms <= $3 and received_at_ms <= $3
         and (content ->> 'succeeded')::boolean order by at_ms desc limit 10000) newest`,
    [session.device, nowMs - windowMs, nowMs],
  );
  return rows[0]?.count ?? 0;
}

async function fanInThen(
  database: Queryable,
  scriptPubKey: Uint8Array,
  windowMs: number,
  nowMs: number,
): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(*)::float8 as count from (select from destination
       where script_pubkey = $1 and first_seen_at_ms > $2 and first_seen_at_ms <= $3 limit 10000) lately`,
    [scriptPubKey, nowMs - windowMs, nowMs],
  );
  return rows[0]?.count ?? 0;
}

/** The label that decided then; null when the policy's own label stood before the store, which was not noted. */
export function screenedThen(found: Recorded | undefined, nowMs: number): Screened | null {
  const { tier, labelTier, category, source, confidence, since, labelsVersion, code } = found?.evidence ?? {};
  if (code !== undefined) return { kind: "unknown", code, detail: "as it was noted" };
  if (tier !== undefined && source === undefined) return null;
  if (found?.verdict === "delay" || found?.evidence["shadow"] === "delay")
    return { kind: "pending", untilMs: nowMs + 1 };
  if (labelsVersion === undefined) return { kind: "off" };
  const about = { kind: "labels", version: Number(labelsVersion), madeAtMs: nowMs } as const;
  if (tier === undefined || category === undefined || source === undefined) return { ...about, labels: [] };
  const label: Label = {
    ...{ tier: (labelTier ?? tier) as Tier, category, source },
    ...{ confidence: Number(confidence ?? "0"), sinceMs: Date.parse(since ?? "") },
  };
  return { ...about, labels: [label] };
}

function alarmsThen(found: Recorded | undefined): readonly ReportAlarm[] {
  const codes = (found?.evidence["alarms"] ?? "").split(" ").filter((code) => code !== "");
  return codes.map((code) => ({ code, detail: "as it was noted" }) as ReportAlarm);
}

function suspensionThen(found: Recorded | undefined): Facts["suspension"] {
  const { suspension: id, kind } = found?.evidence ?? {};
  if (id === undefined || kind === undefined) return null;
  return { id, kind, shown: "", reason: "as it was noted", atMs: 0 };
}

/** The rule speaks only of an account whose list was in force, and notes all that it asks. */
function allowListThen(found: Recorded | undefined): Facts["allowList"] {
  if (found === undefined) return null;
  const { activeFromMs } = found.evidence;
  return { activeFromMs: activeFromMs === undefined ? null : Number(activeFromMs) };
}
