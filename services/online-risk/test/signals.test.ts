// From what the backend tells of an account to the verdict, through the real API: each kind of signal, in one deployment.
import { randomUUID } from "node:crypto";
import type { SluiceClient, ToldSignal } from "@sluice/client";
import { listDeadLetters } from "@sluice/messaging";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addressNumber } from "./addresses.ts";
import { createPeer } from "./peer.ts";
import type { Defer, Running } from "./process.ts";
import { clientOf, countRows, createWorld, newWithdrawal, type World } from "./world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const POLL = { pollMs: 50 };
const USD = { currency: "USD", rates: { BTC: "5000000" } };
const ACTION = { approvals: 2 };
const SAT = 10_000n;

const behaviour = {
  reference: USD,
  windows: [
    { over: "account", windowMs: DAY, maxReferenceMinor: "4000" },
    { over: "destination", windowMs: DAY, maxCount: 6 },
    { over: "device", windowMs: DAY, maxCount: 6 },
    { over: "ip", windowMs: DAY, maxMinor: "70000" },
    { over: "asset", windowMs: DAY, maxCount: 100_000 },
    { over: "all", windowMs: DAY, maxReferenceMinor: "100000000" },
  ],
  unusualAmount: { minPast: 5, deviations: 6, action: ACTION },
  unusualHour: { minPast: 5, withinHours: 2, action: ACTION },
  profit: { windowMs: DAY, deviations: 8, aboveMinor: "100", action: ACTION },
  turnRound: { windowMs: HOUR, percent: 80, action: ACTION },
  dormant: { idleMs: 90 * DAY, watchMs: 2 * DAY, action: { delayMs: DAY } },
  changes: { windowMs: DAY, of: ["password", "secondFactor"], atLeast: 2, action: ACTION },
  newDevice: { youngMs: DAY, action: ACTION },
  newCountry: { youngMs: DAY, action: ACTION },
  travel: { windowMs: 2 * DAY, kmPerHour: 1_000, countryChangeMs: 2 * HOUR, action: "reject" },
  sharedDevice: { windowMs: DAY, accounts: 4, action: ACTION },
  compromise: { halfLifeMs: DAY, at: 70, action: ACTION },
  fanIn: { windowMs: DAY, accounts: 4, action: ACTION },
};
const approvalTiers = [{ aboveMinor: "50000", approvals: 3 }];

const deferred: (() => unknown)[] = [];
const defer: Defer = (work) => void deferred.push(work);
let world: World;
let running: Running;
let client: SluiceClient;
let addresses = 5_000;

beforeAll(async () => {
  world = await createWorld({ policy: { behaviour, approvalTiers }, defer });
  running = await world.start();
  client = clientOf(running, world.keys.backend);
});
afterAll(async () => {
  for (const work of deferred.toReversed()) await work();
});

type Bare = ToldSignal extends infer S ? (S extends ToldSignal ? Omit<S, "id" | "account" | "at"> : never) : never;
type Event = readonly [agoMs: number, what: Bare];

const from = (device: string, country = "CH", more: object = {}): Bare => {
  return { type: "login", device, ip: ipOf(device), country, ...more };
};
const ipOf = (device: string) => `192.0.2.${[...device].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 256}`;
const ZURICH = { place: { latitude: 47.4, longitude: 8.5 } };
const TOKYO = { place: { latitude: 35.7, longitude: 139.7 } };
/** An account that nothing speaks against: the same device, country and hours for weeks. */
const usual = (device: string): readonly Event[] => [30, 20, 10, 5, 2, 1.1].map((days) => [days * DAY, from(device)]);

function signalsOf(account: string, events: readonly Event[]): readonly ToldSignal[] {
  return events.map(([agoMs, what]) => {
    return { id: randomUUID(), account, at: new Date(Date.now() - agoMs).toISOString(), ...what } as ToldSignal;
  });
}

async function tell(account: string, events: readonly Event[]): Promise<void> {
  // The wrong way round, and some of it twice.
  const told = signalsOf(account, events).toReversed();
  const outcomes = await client.tellSignals([...told, ...told.slice(0, 1)]);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual([...told.map(() => "stored"), "known"]);
}

async function judged(account: string, parts: { readonly amount?: bigint; readonly address?: string } = {}) {
  addresses += 1;
  const address = parts.address ?? addressNumber(addresses);
  const { id } = await client.createWithdrawal(newWithdrawal({ account, amount: SAT, ...parts, address }));
  return client.waitFor(id, ["cleared", "held", "delayed", "rejected"], POLL);
}

const against = ({ findings }: Awaited<ReturnType<typeof judged>>) =>
  findings.filter(({ verdict }) => verdict !== "clear").map(({ rule }) => rule);

describe("an account of which nothing unusual is told", () => {
  it("is cleared, and every rule of the policy says so", async () => {
    await tell("calm", usual("calm-phone"));
    const done = await judged("calm");
    expect([done.state, against(done), done.findings.length]).toEqual(["cleared", [], 26]);
  });
});

describe("what is told of an account", () => {
  const gain: Event = [HOUR, { type: "profit", amount: "500" }];
  const ROWS: readonly (readonly [rule: string, state: string, events: readonly Event[]])[] = [
    ["NEW_DEVICE", "held", [[MINUTE, from("stranger-1")]]],
    ["NEW_COUNTRY", "held", [[MINUTE, from("new-country", "BR")]]],
    [
      "IMPOSSIBLE_TRAVEL",
      "rejected",
      [
        [2 * HOUR, from("travel", "CH", ZURICH)],
        [HOUR, from("travel", "CH", TOKYO)],
      ],
    ],
    [
      "CHANGES_BEFORE",
      "held",
      (["password", "secondFactor"] as const).map((changed) => [HOUR, { type: "credential", changed }]),
    ],
    ["TURN_ROUND", "held", [[MINUTE, { type: "deposit", asset: "BTC", amount: "9000" }]]],
    ["PROFIT_OUTLYING", "held", [gain]],
    [
      "COMPROMISE_SCORE",
      "held",
      Array.from({ length: 15 }, () => [MINUTE, from("guessing", "CH", { succeeded: false })]),
    ],
  ];
  it.each(ROWS)("%s: %s", async (rule, state, events) => {
    const account = `account-${rule}`;
    const device = { NEW_COUNTRY: "new-country", IMPOSSIBLE_TRAVEL: "travel" }[rule] ?? `phone-${rule}`;
    await tell(account, [...usual(device), ...events]);
    const done = await judged(account);
    expect(done.state).toBe(state);
    expect(against(done)).toContain(rule);
    expect(done.detail).toContain(rule);
  });

  it("speaks of nobody else", async () => {
    await tell("bystander", usual("bystander-phone"));
    expect((await judged("bystander")).state).toBe("cleared");
  });

  it("DORMANT_ACCOUNT: an account that has woken waits", async () => {
    await tell("sleeper", [
      [200 * DAY, from("sleeper-phone")],
      [HOUR, from("sleeper-phone")],
    ]);
    const done = await judged("sleeper");
    expect([done.state, against(done)]).toEqual(["delayed", ["DORMANT_ACCOUNT"]]);
  });

  it("UNUSUAL_HOUR: an account that is only active at another time of the day", async () => {
    const active = [40, 30, 20, 12, 8, 4].map((days): Event => [days * DAY + 12 * HOUR, from("night-phone")]);
    await tell("night", active);
    expect(against(await judged("night"))).toEqual(["UNUSUAL_HOUR"]);
  });
});

describe("what an account does itself", () => {
  it("UNUSUAL_AMOUNT: far more than it ever did, and a large amount takes as many people as its tier", async () => {
    await tell("steady", usual("steady-phone"));
    for (let nth = 0; nth < 5; nth += 1) expect((await judged("steady", { amount: 600n })).state).toBe("cleared");
    const large = await judged("steady", { amount: 60_000n });
    expect([large.state, large.approvals.required, against(large)]).toEqual(["held", 3, ["UNUSUAL_AMOUNT"]]);
    expect((await judged("steady", { amount: 600n })).state).toBe("cleared");
    const seventh = await judged("steady", { amount: 600n });
    expect([seventh.state, against(seventh)]).toEqual(["delayed", ["DEVICE_VELOCITY"]]);
  });

  it("ACCOUNT_TOTAL_VELOCITY: in the reference currency", async () => {
    await tell("total", usual("total-phone"));
    expect((await judged("total", { amount: 70_000n })).state).toBe("cleared");
    const second = await judged("total", { amount: 20_000n });
    expect([second.state, against(second)]).toEqual(["delayed", ["ACCOUNT_TOTAL_VELOCITY", "IP_VELOCITY"]]);
  });
});

describe("what accounts have in common", () => {
  const device = "shared-phone";
  const share = async (account: string) => {
    await tell(
      account,
      [30, 20, 10, 5, 2, 0.5].map((days) => [days * DAY, from(device)]),
    );
    return judged(account);
  };

  it("DEVICE_SHARED: many accounts from one device", async () => {
    for (const account of ["one", "two", "three"]) expect((await share(account)).state).toBe("cleared");
    const fourth = await share("four");
    expect([fourth.state, against(fourth)]).toEqual(["held", ["DEVICE_SHARED"]]);
    await tell("five", [...usual("five-phone"), [MINUTE, from("five-phone")]]);
    expect((await judged("five")).state).toBe("cleared");
    expect((await judged("one")).state).toBe("held");
  });

  it("DESTINATION_FAN_IN: many accounts to one fresh destination", async () => {
    const address = addressNumber(4_999);
    const states: string[] = [];
    for (let nth = 0; nth < 4; nth += 1) {
      await tell(`fan-${nth}`, usual(`fan-phone-${nth}`));
      const done = await judged(`fan-${nth}`, { address });
      states.push(done.state);
      if (nth === 3) expect(against(done)).toEqual(["DESTINATION_FAN_IN"]);
    }
    expect(states).toEqual(["cleared", "cleared", "cleared", "held"]);
  });
});

describe("one destination", () => {
  it("DESTINATION_VELOCITY: counts what all accounts pay to it", async () => {
    const address = addressNumber(4_998);
    await tell("payer", usual("payer-phone"));
    await tell("other-payer", usual("other-payer-phone"));
    for (let nth = 0; nth < 6; nth += 1) {
      const done = await judged(nth % 2 === 0 ? "payer" : "other-payer", { address, amount: 600n });
      expect(done.state).toBe("cleared");
    }
    expect(against(await judged("payer", { address, amount: 600n }))).toEqual(["DESTINATION_VELOCITY"]);
  });
});

describe("telling", () => {
  const at = new Date().toISOString();
  const good: Extract<ToldSignal, { readonly type: "login" }> = {
    ...{ type: "login", id: "s-1", account: "acme", at },
    ...{ device: "acme-phone", ip: "192.0.2.1", country: "CH" },
  };

  it("an id that stands for something else is named and changes nothing", async () => {
    expect(await client.tellSignals([good])).toMatchObject([{ outcome: "stored" }]);
    const other = { ...good, id: "s-2" };
    const outcomes = await client.tellSignals([{ ...good, country: "BR" }, other, good]);
    expect(outcomes).toEqual([
      { account: "acme", id: "s-1", outcome: "conflict" },
      { account: "acme", id: "s-2", outcome: "stored" },
      { account: "acme", id: "s-1", outcome: "known" },
    ]);
  });

  it.each([
    ["nothing", [], "signals"],
    ["a country of three letters", [{ ...good, country: "CHE" }], "signals.0.country"],
    ["no address", [good, { ...good, ip: "192.0.2.256" }], "signals.1.ip"],
    ["no time", [{ ...good, at: "yesterday" }], "signals.0.at"],
    ["another kind", [{ ...good, type: "rumour" }], "signals.0.type"],
    ["a field too many", [{ ...good, colour: "red" }], "signals.0.colour"],
  ])("%s is refused as a whole, by the field's name", async (_, signals, field) => {
    const before = await countRows(world.pool, "signal");
    const refused = client.tellSignals(signals as readonly ToldSignal[]);
    await expect(refused).rejects.toMatchObject({ status: 400, errors: [expect.objectContaining({ field })] });
    expect(await countRows(world.pool, "signal")).toBe(before);
  });

  it("of tomorrow, of another's account, or without the scope is refused", async () => {
    const before = await countRows(world.pool, "signal");
    const tomorrow = { ...good, id: "s-3", at: new Date(Date.now() + DAY).toISOString() };
    await expect(client.tellSignals([good, tomorrow])).rejects.toMatchObject({ code: "SIGNAL_IN_FUTURE" });
    const limited = clientOf(running, world.keys.limited);
    const foreign = limited.tellSignals([{ ...good, account: "other" }]);
    await expect(foreign).rejects.toMatchObject({ status: 403, code: "ACCOUNT_NOT_PERMITTED" });
    const reader = clientOf(running, world.keys.reader);
    await expect(reader.tellSignals([good])).rejects.toMatchObject({ status: 403, code: "SCOPE_MISSING" });
    expect(await countRows(world.pool, "signal")).toBe(before);
  });
});

describe("the backend's own stream", () => {
  const at = new Date(Date.now() - DAY).toISOString();
  const told: ToldSignal = { type: "balance", id: "stream-1", account: "acme", at, asset: "BTC", amount: "7" };
  const type = "account.signalled.v1";

  it("tells the same; what the API would refuse is parked with its code, and stops nobody", async () => {
    const peer = await createPeer(world);
    const key = world.keys.backend;
    const say = (id: string, what: object, by = key) =>
      ({ key: by, type, id, message: { signal: JSON.stringify(what) } }) as const;
    await peer.publish([
      say("m-1", { ...told, colour: "red" }),
      say("m-2", { ...told, at: new Date(Date.now() + DAY).toISOString() }),
      say("m-3", { ...told, account: "other" }, world.keys.limited),
      say("m-4", told, world.keys.reader),
      say("m-5", told),
      say("m-6", told),
      say("m-7", { ...told, id: "stream-2" }),
    ]);
    const rows = () => countRows(world.pool, "signal where id like 'stream-%'");
    await expect.poll(rows, { timeout: 30_000 }).toBe(2);
    expect(await client.tellSignals([told])).toMatchObject([{ outcome: "known" }]);
    await peer.publish([say("m-8", { ...told, amount: "8" })]);
    const codes = async () => (await listDeadLetters(world.pool)).map(({ code }) => code).toSorted();
    await expect
      .poll(codes, { timeout: 30_000 })
      .toEqual(["ACCOUNT_NOT_PERMITTED", "SCOPE_MISSING", "SIGNAL_ID_REUSED", "SIGNAL_IN_FUTURE", "SIGNAL_MALFORMED"]);
  });
});
