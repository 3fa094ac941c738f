// A history for replays: the API and two judges in the test's own process, on a real database, and waves of everything that rules ask.
import { setTimeout as sleep } from "node:timers/promises";
import { createPolicies, type Policies } from "@sluice/active-policy";
import { type Judge, startJudge } from "@sluice/judging";
import { openSession } from "@sluice/postgres";
import { createLogger } from "@sluice/runtime";
import { SCREENING_OFF } from "@sluice/screening";
import { addressNumber } from "./addresses.ts";
import { randomOf } from "./hostile-requests.ts";
import { askInProcess, openInProcess } from "./in-process.ts";
import type { TestKey } from "./keys.ts";
import type { Defer } from "./process.ts";
import { countRows, createWorld, POLICY, type World } from "./world.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ACTION = { approvals: 2 };

const label = (number: number, tier: string) => ({
  ...{ address: addressNumber(number), tier, category: "test", reason: "planted" },
});
export const RICH = {
  ...POLICY,
  maxAmountMinor: "900000",
  accountWindows: [
    { windowMs: DAY, maxCount: 12 },
    { windowMs: HOUR, maxMinor: "1500000" },
  ],
  newDestination: { aboveMinor: "300000", delayMs: HOUR },
  labels: [label(100, "grey"), label(101, "black"), label(102, "white")],
  approvalTiers: [{ aboveMinor: "500000", approvals: 2, always: true }],
  allowList: { activationMs: 0 },
  behaviour: {
    reference: { currency: "USD", rates: { BTC: "5000000" } },
    windows: [
      { over: "account", windowMs: DAY, maxReferenceMinor: "20000" },
      { over: "destination", windowMs: DAY, maxCount: 5 },
      { over: "device", windowMs: DAY, maxCount: 5 },
      { over: "ip", windowMs: DAY, maxMinor: "500000" },
      { over: "asset", windowMs: HOUR, maxCount: 75 },
      { over: "all", windowMs: DAY, maxReferenceMinor: "900000" },
    ],
    unusualAmount: { minPast: 4, deviations: 5, action: ACTION },
    unusualHour: { minPast: 5, withinHours: 2, action: ACTION },
    profit: { windowMs: DAY, deviations: 8, aboveMinor: "100", action: ACTION },
    turnRound: { windowMs: HOUR, percent: 80, action: ACTION },
    dormant: { idleMs: 90 * DAY, watchMs: 2 * DAY, action: { delayMs: HOUR } },
    changes: { windowMs: DAY, of: ["password"], atLeast: 1, action: ACTION },
    newDevice: { youngMs: HOUR, action: { delayMs: HOUR } },
    travel: { windowMs: 2 * DAY, kmPerHour: 1_000, countryChangeMs: HOUR, action: "reject" },
    sharedDevice: { windowMs: DAY, accounts: 2, action: ACTION },
    compromise: { halfLifeMs: DAY, at: 40, action: ACTION },
    fanIn: { windowMs: DAY, accounts: 5, action: ACTION },
  },
};

export type ReplayWorld = Awaited<ReturnType<typeof createReplayWorld>>;

export async function createReplayWorld(defer: Defer) {
  const world = await createWorld({ policy: RICH, defer });
  const api = await openInProcess(world, defer);
  const logger = createLogger({ service: "test", level: "silent" });
  let aheadMs = 0;
  const startOne = async (policies: Pick<Policies, "active"> = createPolicies("regtest")): Promise<Judge> => {
    const judge = await startJudge({
      ...{ pool: world.pool, sealer: world.keys.service, policies, wallets: [], screening: SCREENING_OFF },
      ...{ now: () => Date.now() + aheadMs, logger, onJudged: () => {} },
    });
    defer(() => judge.stop());
    return judge;
  };
  async function ask(key: TestKey, method: "GET" | "POST" | "PUT", path: string, body?: unknown) {
    const told = await askInProcess(api, { key, method, path, ...(body === undefined ? {} : { body }) });
    if (told.status >= 300) throw new Error(`${method} ${path}: ${told.status} ${JSON.stringify(told.body)}`);
    return told.body;
  }
  /** Until nothing waits to be judged. */
  async function settle(): Promise<void> {
    const due = `withdrawal where state = 'received' or state = 'delayed' and not_before_ms <= ${Date.now() + aheadMs}`;
    while ((await countRows(world.pool, due)) > 0) await sleep(5);
  }
  return {
    ...{ world, api, startOne, ask, settle },
    /** Judges see a later time; nobody else does, and nothing else happens then. */
    later: (ms: number) => {
      aheadMs += ms;
    },
    activate: async (text: string, proposer = world.keys.ann, activator = world.keys.bob) => {
      const { version, sha256 } = await ask(proposer, "POST", "/v1/policies", { text });
      await ask(activator, "POST", `/v1/policies/${String(version)}/activation`, { sha256 });
      return Number(version);
    },
  };
}

let lastId = 0;

/** Between two waves nothing is judged: what reaches the database while a judgement is being made may count or not. */
export async function makeHistory({ world, ask, settle, later }: ReplayWorld, waves: number): Promise<void> {
  const random = randomOf(7);
  const { backend, ann, bob } = world.keys;
  const accounts = ["a-1", "a-2", "a-3", "a-4", "a-5", "a-6"];
  const at = (agoMs: number) => new Date(Date.now() - agoMs).toISOString();
  const tell = (signals: readonly object[]) =>
    ask(backend, "POST", "/v1/signals", { signals: signals.map((signal) => ({ id: `s-${++lastId}`, ...signal })) });
  const login = (account: string, device: string, agoMs: number, country = "CH") => ({
    ...{ type: "login", account, device, ip: `192.0.2.${device.length}`, country, at: at(agoMs) },
  });
  await tell(accounts.flatMap((account) => [30, 20, 10, 1].map((days) => login(account, `d-${account}`, days * DAY))));
  const listed = "insert into allow_list (account, changed_by, changed_at_ms) values ('a-6', 'planted', 1)";
  await world.pool.query(listed);
  await ask(backend, "POST", "/v1/withdrawals", withdrawal("a-1", 1, "1000"));
  for (let wave = 0; wave < waves; wave += 1) {
    // Judges wait until all of the wave is there, and then have it at once: what is committed in the very moment of a judgement may
    // or may not be seen by it, and no table says which.
    const barrier = await openSession(world.pool);
    await barrier.query("select pg_advisory_lock(hashtextextended('suspensions', 0))");
    await Promise.all(
      accounts.map((account) => {
        const amount = random.of(["1000", "20000", "20001", "320000", "600000", "950000"]);
        return ask(
          backend,
          "POST",
          "/v1/withdrawals",
          withdrawal(account, random.of([1, 2, 3, 4, 100, 101, 102]), amount),
        );
      }),
    );
    await barrier.close();
    await settle();
    await between(wave);
  }
  await settle();
  later(2 * HOUR);
  await settle();

  async function between(wave: number): Promise<void> {
    const account = random.of(accounts);
    const what = wave % 8;
    if (what === 0) await tell([login(account, "shared-device", 1_000)]);
    if (what === 1) await tell([{ type: "credential", account, changed: "password", at: at(2_000) }]);
    if (what === 2) await tell([{ type: "profit", account, amount: "5000", at: at(1_000) }]);
    if (what === 3) await tell([{ type: "deposit", account, asset: "BTC", amount: "900000", at: at(1_000) }]);
    if (what === 4) await tell([login(account, `far-${account}`, 1_000, "JP")]);
    if (what === 5) await approveHeld();
    if (what === 6) await refuseOne();
    // At the end: what is suspended is judged again every few seconds, and signals would come in between.
    if (wave === waves - 1) await suspendAndReopen(account);
  }

  /** What was held is approved by two people; every third is cancelled instead. */
  async function approveHeld(): Promise<void> {
    const { rows } = await world.pool.query<{ id: string; required: number }>(
      "select id, approvals_required as required from withdrawal where state = 'held' order by number limit 6",
    );
    for (const [index, { id, required }] of rows.entries()) {
      if (index % 3 === 2) await ask(backend, "POST", `/v1/withdrawals/${id}/cancel`);
      else for (const key of [ann, bob].slice(0, required)) await ask(key, "POST", `/v1/withdrawals/${id}/approvals`);
    }
  }

  /** As a report of the semi-offline zone leaves it. */
  async function refuseOne(): Promise<void> {
    await world.pool.query(
      `with one as (update withdrawal set state = 'refused', revision = revision + 1, changed_at_ms = $1
         where id = (select id from withdrawal where state = 'cleared' and account like 'a-%' order by number limit 1) returning id, revision),
       change as (insert into withdrawal_change select id, revision, 'refused', $1, 'planted' from one)
       insert into finding (withdrawal_id, found_by, rule, verdict, reason, evidence, at_ms)
         select id, 'semi-offline-risk', 'PLANTED', 'refuse', 'planted', '{}', $1 from one`,
      [Date.now()],
    );
  }

  async function suspendAndReopen(value: string): Promise<void> {
    const { id } = await ask(ann, "POST", "/v1/suspensions", { kind: "account", value, reason: "planted" });
    await ask(backend, "POST", "/v1/withdrawals", withdrawal(value, 2, "1000"));
    await settle();
    const answers = { "cause-known": "planted", "way-closed": "planted", "waiting-checked": "planted" };
    for (const key of [ann, bob]) await ask(key, "POST", `/v1/suspensions/${String(id)}/reopening`, { answers });
    await ask(backend, "POST", "/v1/withdrawals", withdrawal(value, 2, "1000"));
    await settle();
  }
}

export function withdrawal(account: string, address: number, amount: string) {
  lastId += 1;
  return { id: `r-${lastId}`, account, asset: "BTC", amount, address: addressNumber(address) };
}

/** Every row of every table but of the nonces, as one text for each. */
export async function fingerprint({ pool }: World): Promise<Readonly<Record<string, string>>> {
  const { rows } = await pool.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'request_nonce'",
  );
  const prints: [string, string][] = [];
  for (const { name } of rows) {
    const sql = `select count(*) || ' ' || coalesce(md5(string_agg(t::text, '' order by t::text)), '') as print from "${name}" t`;
    prints.push([name, (await pool.query<{ print: string }>(sql)).rows[0]?.print ?? ""]);
  }
  return Object.fromEntries(prints);
}
