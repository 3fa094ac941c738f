// Random situations in which several withdrawals wait to be judged: accounts with a past, log-ins, windows of every scope.
import { type Policy, policyFileSchema, readPolicy } from "@sluice/online-rules";
import type { Transaction } from "@sluice/postgres";
import fc from "fast-check";

export const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const ACCOUNTS = ["a", "b", "c"] as const;
const SCRIPTS = [0, 1, 2] as const;
const DEVICES = ["d1", "d2", "undefined"] as const;

const past = fc.record({
  account: fc.constantFrom(...ACCOUNTS),
  script: fc.constantFrom(...SCRIPTS),
  amount: fc.integer({ min: 1, max: 400 }),
  // Some from after the present: a clock that was set back, or another instance's that is ahead.
  clearedAgoMs: fc.integer({ min: -2_000, max: 2 * HOUR }),
  state: fc.constantFrom("cleared", "completed", "failed", "refused", "rejected"),
});

const waiting = fc.record({
  account: fc.constantFrom(...ACCOUNTS),
  script: fc.constantFrom(...SCRIPTS),
  amount: fc.integer({ min: 1, max: 1_100 }),
  receivedAgoMs: fc.integer({ min: -1_000, max: 30_000 }),
  isDelayed: fc.boolean(),
  approved: fc.boolean(),
});

const windowOver = fc.record({
  over: fc.constantFrom("account", "destination", "device", "ip", "asset", "all"),
  windowMs: fc.constantFrom(60_000, HOUR, 90 * 60_000),
  bound: fc.oneof(
    fc.record({ maxCount: fc.integer({ min: 0, max: 8 }) }),
    fc.record({ maxMinor: fc.integer({ min: 700, max: 4_000 }).map(String) }),
  ),
});

export const plans = fc.record({
  past: fc.array(past, { maxLength: 8 }),
  waiting: fc.array(waiting, { minLength: 2, maxLength: 9 }),
  logins: fc.array(
    fc.record({
      account: fc.constantFrom(...ACCOUNTS),
      device: fc.constantFrom(...DEVICES),
      ip: fc.constantFrom("10.0.0.1", "10.0.0.2"),
      agoMs: fc.integer({ min: -1_500, max: HOUR }),
    }),
    { maxLength: 4 },
  ),
  listed: fc.oneof({ weight: 4, arbitrary: fc.constant<readonly string[]>([]) }, fc.constant(["b"])),
  suspended: fc.boolean(),
  windows: fc.array(windowOver, { maxLength: 4 }),
  accountWindow: fc.option(fc.integer({ min: 1, max: 5 })),
  holdsNew: fc.boolean(),
});

export type Plan = typeof plans extends fc.Arbitrary<infer P> ? P : never;

export function policyOf(plan: Pick<Plan, "windows" | "accountWindow" | "holdsNew">): Policy {
  const { windows, accountWindow, holdsNew } = plan;
  const approvals = { approvals: 1 };
  const policy = readPolicy(
    policyFileSchema.parse({
      accountWindows: accountWindow === null ? [] : [{ windowMs: HOUR, maxCount: accountWindow }],
      ...{ maxAmountMinor: "1000", labels: [], fees: {}, zone: { zoneSilentMs: 366 * 24 * HOUR } },
      newDestination: { aboveMinor: holdsNew ? "10" : "100000", ...approvals },
      behaviour: {
        windows: windows.map(({ over, windowMs, bound }) => ({ over, windowMs, ...bound })),
        unusualAmount: { minPast: 2, deviations: 3, action: { delayMs: 1_000 } },
        dormant: { idleMs: HOUR, watchMs: HOUR, action: approvals },
        sharedDevice: { windowMs: HOUR, accounts: 2, action: { delayMs: 5_000 } },
        fanIn: { windowMs: HOUR, accounts: 3, action: { delayMs: 5_000 } },
      },
    }),
    "regtest",
  );
  if ("faults" in policy) throw new Error(JSON.stringify(policy.faults));
  return policy;
}

const scriptOf = (script: number) => Buffer.from(`0014${String(script).padStart(2, "0").repeat(20)}`, "hex");

/** Puts a plan into the tables. Ids of what waits are w-0, w-1 and so on, in the order of receipt. */
export async function lay(tx: Transaction, { past, waiting, logins, listed, suspended }: Plan): Promise<void> {
  const rows = [
    ...past.map((one, at) => ({ ...one, id: `p-${at}`, atMs: NOW - one.clearedAgoMs, isPast: true, approved: false })),
    ...waiting.map(({ isDelayed, receivedAgoMs, ...one }, at) => ({
      ...{ ...one, id: `w-${at}`, atMs: NOW - receivedAgoMs, isPast: false },
      state: isDelayed ? "delayed" : "received",
    })),
  ];
  for (const { id, account, script, amount, atMs, isPast, state, approved } of rows) {
    await layRequest(tx, id, atMs);
    await tx.query(
      `insert into destination (account, script_pubkey, address, ends, first_seen_at_ms) values ($1, $2, $3, $4, $5)
       on conflict do nothing`,
      [account, scriptOf(script), `address-${script}`, script === 0 ? "e" : `e${script}`, atMs - HOUR + script],
    );
    await tx.query(
      `insert into withdrawal (id, account, asset, amount_minor, address, script_pubkey, key_id, state, detail, revision, received_at_ms,
         changed_at_ms, not_before_ms, approved_by, cleared_at_ms)
       values ($1, $2, 'BTC', $3, $4, $5, 'k', $6, '', 1, $7, $7, $8, $9, $10)`,
      [
        ...[
          id,
          account,
          amount,
          `address-${script}`,
          scriptOf(script),
          state,
          atMs,
          state === "delayed" ? NOW - 1 : null,
        ],
        ...[approved ? ["ann"] : [], isPast && state !== "rejected" ? atMs : null],
      ],
    );
  }
  await tx.query(`insert into withdrawal_session select id, 'd1', '10.0.0.1' from withdrawal where id like 'p-%'`);
  await tx.query(`insert into cleared_minute select asset, cleared_at_ms - cleared_at_ms % 60000, count(*), sum(amount_minor)
    from withdrawal where cleared_at_ms is not null group by 1, 2`);
  for (const [at, { account, device, ip, agoMs }] of logins.entries()) {
    await tx.query(
      `insert into signal (account, id, at_ms, type, device, ip, content, received_at_ms) values ($1, $2, $3, 'login', $4, $5, $6, 1)`,
      [account, `s-${at}`, NOW - agoMs, device, ip, { device, ip, country: "DE", succeeded: true }],
    );
  }
  for (const account of listed) {
    await tx.query("insert into allow_list (account, changed_by, changed_at_ms) values ($1, 'k', 1)", [account]);
  }
  if (suspended) {
    await tx.query(
      `insert into suspension (kind, value, shown, reason, suspended_by, suspended_at_ms) values ('account', 'c', 'c', 'test', 'k', 1)`,
    );
  }
}

export async function layRequest(tx: Transaction, id: string, atMs: number): Promise<void> {
  await tx.query(
    `insert into withdrawal_request (withdrawal_id, key_id, nonce, method, authority, path, query, content_type, content_digest,
       signature_input, signature, body, body_sha256, received_at_ms)
     values ($1, 'k', $1, 'POST', 'a', '/', '', '', '', '', '', '', '', $2)`,
    [id, atMs],
  );
}
