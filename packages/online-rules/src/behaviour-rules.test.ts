// Each rule on behaviour on its own: what it has nothing against, what it speaks against, and that it is silent unless asked.
import { ok } from "node:assert";
import { type RiskVerdict, strictest } from "@sluice/core";
import { historyOf, readSignal, type Signal, type ToldSignal } from "@sluice/signals";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Behaviour, PastWithdrawal } from "./behaviour-facts.ts";
import { policyFileSchema, readPolicy } from "./policy.ts";
import { type Facts, findAll, RULES } from "./rules.ts";

const NOW = Date.parse("2026-03-04T12:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const BTC = 100_000_000n;
const ACTION = { approvals: 2 };

const BASE = {
  accountWindows: [],
  maxAmountMinor: String(1_000n * BTC),
  newDestination: { aboveMinor: String(1_000n * BTC), delayMs: 1 },
  labels: [],
};
/** 50,000.00 USD for a bitcoin. */
const reference = { currency: "USD", rates: { BTC: "5000000" } };

function policyOf(behaviour: object, more: object = {}) {
  const policy = readPolicy(policyFileSchema.parse({ ...BASE, behaviour, ...more }), "regtest");
  ok(!("faults" in policy));
  return policy;
}

type Given = Partial<Omit<Behaviour, "history" | "cleared">> & {
  readonly signals?: readonly Signal[];
  readonly cleared?: Partial<Behaviour["cleared"]>;
  readonly amountMinor?: bigint;
  readonly waitedMs?: number;
  readonly refusedOfflineAtMs?: number;
  readonly suspension?: Facts["suspension"];
};

function factsOf({
  signals = [],
  suspension = null,
  cleared,
  amountMinor = BTC,
  waitedMs = 0,
  refusedOfflineAtMs,
  ...given
}: Given): Facts {
  return {
    ...{ nowMs: NOW, amountMinor, waitedMs, past: [], alarms: [], refusedOfflineAtMs: refusedOfflineAtMs ?? null },
    destination: {
      ...{ scriptPubKey: "00", firstSeenAtMs: NOW, approvedAtMs: null, resembles: null, ownWallet: null },
      screened: { kind: "off" },
    },
    suspension,
    requesterKey: "backend-1",
    allowList: null,
    behaviour: {
      ...{ asset: "BTC", history: historyOf(signals, NOW), requested: [], deviceAccounts: 0 },
      ...{ destinationAccounts: 1, destinationSeenAtMs: NOW },
      ...given,
      cleared: { account: [], destination: [], device: [], ip: [], asset: [], all: [], ...cleared },
    },
  };
}

let told = 0;
type Bare = ToldSignal extends infer S ? (S extends ToldSignal ? Omit<S, "id" | "account" | "at"> : never) : never;
const signal = (agoMs: number, bare: Bare): Signal => {
  told += 1;
  return readSignal({
    id: `s${told}`,
    account: "alice",
    at: new Date(NOW - agoMs).toISOString(),
    ...bare,
  } as ToldSignal);
};
const login = (agoMs: number, device = "phone", country = "CH", more: object = {}) =>
  signal(agoMs, { type: "login", device, ip: "192.0.2.1", country, ...more });
const changed = (agoMs: number, what: "password" | "secondFactor" | "addressBook") =>
  signal(agoMs, { type: "credential", changed: what });
const profit = (agoMs: number, amount: number) => signal(agoMs, { type: "profit", amount: String(amount) });
const deposit = (agoMs: number, amount: bigint) =>
  signal(agoMs, { type: "deposit", asset: "BTC", amount: String(amount) });
const balance = (agoMs: number, amount: bigint) =>
  signal(agoMs, { type: "balance", asset: "BTC", amount: String(amount) });
const paid = (agoMs: number, amountMinor = BTC): PastWithdrawal => ({ atMs: NOW - agoMs, asset: "BTC", amountMinor });
/** Every day at noon, as much as is given. */
const daily = (amounts: readonly bigint[]) => amounts.map((amount, at) => paid((at + 2) * DAY, amount));
const ZURICH = { place: { latitude: 47.4, longitude: 8.5 } };
const GENEVA = { place: { latitude: 46.2, longitude: 6.1 } };
const TOKYO = { place: { latitude: 35.7, longitude: 139.7 } };

const clear: RiskVerdict = { kind: "clear" };
const hold: RiskVerdict = { kind: "hold", approvals: 2 };
const reject: RiskVerdict = { kind: "reject" };
const delay = (untilMs: number): RiskVerdict => ({ kind: "delay", untilMs });

const over = (scope: string, max: object) => ({ reference, windows: [{ over: scope, windowMs: HOUR, ...max }] });
const AMOUNT = { unusualAmount: { minPast: 5, deviations: 6, action: ACTION } };
const HOUR_OF_DAY = { unusualHour: { minPast: 5, withinHours: 2, action: ACTION } };
const PROFIT = { reference, profit: { windowMs: DAY, deviations: 8, aboveMinor: "100000", action: ACTION } };
const TURN = { turnRound: { windowMs: HOUR, percent: 80, action: ACTION } };
const DORMANT = { dormant: { idleMs: 90 * DAY, watchMs: 2 * DAY, action: ACTION } };
const CHANGES = { changes: { windowMs: DAY, of: ["password", "secondFactor"], atLeast: 2, action: ACTION } };
const DEVICE = { newDevice: { youngMs: DAY, action: ACTION } };
const COUNTRY = { newCountry: { youngMs: DAY, action: { delayMs: DAY } } };
const TRAVEL = { travel: { windowMs: 2 * DAY, kmPerHour: 1_000, countryChangeMs: 2 * HOUR, action: "reject" } };
const SHARED = { sharedDevice: { windowMs: DAY, accounts: 5, action: ACTION } };
const SCORE = { compromise: { halfLifeMs: DAY, at: 50, action: ACTION } };
const FAN_IN = { fanIn: { windowMs: DAY, accounts: 10, action: ACTION } };

type Row = readonly [rule: string, what: string, policy: object, given: Given, verdict: RiskVerdict];

// biome-ignore format: one check a line
const ROWS: readonly Row[] = [
  ["SUSPENDED",              "everything, by a person",                {},                                                 { suspension: { id: "1", kind: "all", shown: "", reason: "A leak.", atMs: NOW } }, delay(NOW + 2_000)],
  ["SUSPENDED",              "an account, for an hour",                {},                                                 { waitedMs: HOUR, suspension: { id: "1", kind: "account", shown: "alice", reason: "A leak.", atMs: NOW } }, delay(NOW + 10_000)],
  ["ACCOUNT_TOTAL_VELOCITY", "the last cent that fits",                 over("account", { maxReferenceMinor: "10000000" }), { cleared: { account: [paid(1)] } },                    clear],
  ["ACCOUNT_TOTAL_VELOCITY", "one satoshi more, rounded up to a cent",  over("account", { maxReferenceMinor: "10000000" }), { cleared: { account: [paid(1, BTC + 1n)] } },          delay(NOW - 1 + HOUR)],
  ["ACCOUNT_TOTAL_VELOCITY", "more than it may ever be",                over("account", { maxReferenceMinor: "4999999" }),  {},                                                     reject],
  ["DESTINATION_VELOCITY",   "as many as may be",                       over("destination", { maxCount: 2 }),               { cleared: { destination: [paid(1)] } },                clear],
  ["DESTINATION_VELOCITY",   "one too many",                            over("destination", { maxCount: 2 }),               { cleared: { destination: [paid(1), paid(9)] } },       delay(NOW - 9 + HOUR)],
  ["DEVICE_VELOCITY",        "what others withdrew by the same device", over("device", { maxMinor: String(BTC) }),          { cleared: { device: [paid(5)] } },                     delay(NOW - 5 + HOUR)],
  ["DEVICE_VELOCITY",        "what is an hour old",                     over("device", { maxMinor: String(BTC) }),          { cleared: { device: [paid(HOUR)] } },                  clear],
  ["IP_VELOCITY",            "one from the same address",               over("ip", { maxCount: 1 }),                        { cleared: { ip: [paid(5)] } },                         delay(NOW - 5 + HOUR)],
  ["IP_VELOCITY",            "one by the same device elsewhere",        over("ip", { maxCount: 1 }),                        { cleared: { device: [paid(5)] } },                     clear],
  ["ASSET_VELOCITY",         "all accounts together",                   over("asset", { maxMinor: String(3n * BTC) }),      { cleared: { asset: [paid(1), paid(2), paid(3)] } },    delay(NOW - 3 + HOUR)],
  ["ASSET_VELOCITY",         "room for one more",                       over("asset", { maxMinor: String(3n * BTC) }),      { cleared: { asset: [paid(1), paid(2)] } },             clear],
  ["TOTAL_VELOCITY",         "everything in dollars",                   over("all", { maxReferenceMinor: "5000000" }),      { cleared: { all: [paid(1)] } },                        delay(NOW - 1 + HOUR)],
  ["TOTAL_VELOCITY",         "the first of the hour",                   over("all", { maxReferenceMinor: "5000000" }),      {},                                                     clear],
  ["UNUSUAL_AMOUNT",         "as always",                               AMOUNT, { requested: daily([BTC, BTC, 2n * BTC, BTC, BTC]) },                                               clear],
  ["UNUSUAL_AMOUNT",         "twice what is always the same",           AMOUNT, { requested: daily([BTC, BTC, BTC, BTC, BTC]), amountMinor: 2n * BTC },                             clear],
  ["UNUSUAL_AMOUNT",         "ten times what is always the same",       AMOUNT, { requested: daily([BTC, BTC, BTC, BTC, BTC]), amountMinor: 10n * BTC },                            hold],
  ["UNUSUAL_AMOUNT",         "one wild value in the past changes none", AMOUNT, { requested: daily([BTC, BTC, BTC, BTC, BTC, 500n * BTC]), amountMinor: 10n * BTC },                hold],
  ["UNUSUAL_AMOUNT",         "amounts that always vary widely",         AMOUNT, { requested: daily([BTC, 9n, BTC / 9n, 20n * BTC, 999n]), amountMinor: 10n * BTC },                 clear],
  ["UNUSUAL_AMOUNT",         "too little past",                         AMOUNT, { requested: daily([1n, 1n, 1n, 1n]), amountMinor: 100n * BTC },                                    clear],
  ["UNUSUAL_HOUR",           "always at noon",                          HOUR_OF_DAY, { requested: daily([BTC, BTC, BTC, BTC, BTC]) },                                               clear],
  ["UNUSUAL_HOUR",           "always at midnight",                      HOUR_OF_DAY, { requested: [2, 3, 4, 5, 6].map((days) => paid(days * DAY + 12 * HOUR)) },                       hold],
  ["UNUSUAL_HOUR",           "once, by a log-in, at eleven",            HOUR_OF_DAY, { requested: [2, 3, 4, 5, 6].map((days) => paid(days * DAY + 12 * HOUR)), signals: [login(9 * DAY + HOUR)] }, clear],
  ["UNUSUAL_HOUR",           "today's own log-in is no habit",          HOUR_OF_DAY, { requested: [2, 3, 4, 5, 6].map((days) => paid(days * DAY + 12 * HOUR)), signals: [login(MINUTE)] },       hold],
  ["PROFIT_OUTLYING",        "no gains",                                PROFIT, {},                                                                                                 clear],
  ["PROFIT_OUTLYING",        "a sudden gain pays for all of it",        PROFIT, { signals: [profit(HOUR, 6_000_000), profit(3 * DAY, 20_000), profit(5 * DAY, -10_000)] },          hold],
  ["PROFIT_OUTLYING",        "the first gain ever pays for all of it",  PROFIT, { signals: [profit(HOUR, 6_000_000)] },                                                             hold],
  ["PROFIT_OUTLYING",        "the smaller part of what is withdrawn",   PROFIT, { signals: [profit(HOUR, 2_000_000)] },                                                             clear],
  ["PROFIT_OUTLYING",        "a loss in between makes it small",        PROFIT, { signals: [profit(HOUR, 6_000_000), profit(2 * HOUR, -5_950_000)] },                               clear],
  ["PROFIT_OUTLYING",        "who gains as much every day",             PROFIT, { signals: [0, 1, 2, 3, 4, 5].map((days) => profit(days * DAY + HOUR, 6_000_000)) },                clear],
  ["TURN_ROUND",             "deposited and withdrawn",                 TURN, { signals: [deposit(MINUTE, BTC)] },                                                                  hold],
  ["TURN_ROUND",             "deposited long ago",                      TURN, { signals: [deposit(HOUR, BTC)] },                                                                    clear],
  ["TURN_ROUND",             "the smaller part was deposited",          TURN, { signals: [deposit(MINUTE, (BTC * 79n) / 100n)] },                                                   clear],
  ["TURN_ROUND",             "it had as much before",                   TURN, { signals: [deposit(MINUTE, BTC), balance(2 * HOUR, BTC)] },                                          clear],
  ["TURN_ROUND",             "the balance is of after the deposit",     TURN, { signals: [deposit(2 * MINUTE, BTC), balance(MINUTE, BTC)] },                                        hold],
  ["DORMANT_ACCOUNT",        "asleep until now",                        DORMANT, { requested: [paid(91 * DAY)] },                                                                   hold],
  ["DORMANT_ACCOUNT",        "woken yesterday",                         DORMANT, { signals: [login(DAY), login(95 * DAY)] },                                                        hold],
  ["DORMANT_ACCOUNT",        "woken long ago",                          DORMANT, { signals: [login(DAY), login(3 * DAY), login(95 * DAY)] },                                        clear],
  ["DORMANT_ACCOUNT",        "a new account",                           DORMANT, {},                                                                                                clear],
  ["CHANGES_BEFORE",         "password and second factor",              CHANGES, { signals: [changed(HOUR, "password"), changed(MINUTE, "secondFactor")] },                         hold],
  ["CHANGES_BEFORE",         "the password twice",                      CHANGES, { signals: [changed(HOUR, "password"), changed(MINUTE, "password")] },                             clear],
  ["CHANGES_BEFORE",         "what the policy does not name",           CHANGES, { signals: [changed(HOUR, "password"), changed(MINUTE, "addressBook")] },                          clear],
  ["CHANGES_BEFORE",         "one of them a day ago",                   CHANGES, { signals: [changed(DAY, "password"), changed(MINUTE, "secondFactor")] },                          clear],
  ["NEW_DEVICE",             "no log-in is known",                      DEVICE, {},                                                                                                 hold],
  ["NEW_DEVICE",             "a second device, an hour old",            DEVICE, { signals: [login(9 * DAY), login(HOUR, "laptop")] },                                               hold],
  ["NEW_DEVICE",             "a second device, a day old",              DEVICE, { signals: [login(9 * DAY), login(DAY, "laptop"), login(HOUR, "laptop")] },                         clear],
  ["NEW_DEVICE",             "the account's first",                     DEVICE, { signals: [login(HOUR)] },                                                                         clear],
  ["NEW_DEVICE",             "a failed log-in from another",            DEVICE, { signals: [login(9 * DAY), login(HOUR, "laptop", "CH", { succeeded: false })] },                   clear],
  ["NEW_COUNTRY",            "another country, an hour ago",            COUNTRY, { signals: [login(9 * DAY), login(HOUR, "phone", "BR")] },                                         delay(NOW + DAY)],
  ["NEW_COUNTRY",            "waited for as long as it has to",         COUNTRY, { signals: [login(9 * DAY), login(25 * HOUR, "phone", "BR")], waitedMs: DAY },                     clear],
  ["NEW_COUNTRY",            "the same country",                        COUNTRY, { signals: [login(9 * DAY), login(HOUR)] },                                                        clear],
  ["IMPOSSIBLE_TRAVEL",      "Zurich to Tokyo within the hour",         TRAVEL, { signals: [login(2 * HOUR, "a", "CH", ZURICH), login(HOUR, "b", "JP", TOKYO)] },                   reject],
  ["IMPOSSIBLE_TRAVEL",      "Zurich to Tokyo overnight",               TRAVEL, { signals: [login(13 * HOUR, "a", "CH", ZURICH), login(HOUR, "b", "JP", TOKYO)] },                  clear],
  ["IMPOSSIBLE_TRAVEL",      "Zurich to Geneva by train",               TRAVEL, { signals: [login(3 * HOUR, "a", "CH", ZURICH), login(0, "a", "CH", GENEVA)] },                     clear],
  ["IMPOSSIBLE_TRAVEL",      "two countries, no places",                TRAVEL, { signals: [login(3 * HOUR), login(2 * HOUR, "b", "BR")] },                                         reject],
  ["IMPOSSIBLE_TRAVEL",      "before the window",                       TRAVEL, { signals: [login(60 * HOUR), login(59 * HOUR, "b", "BR"), login(0, "b", "BR")] },                  clear],
  ["DEVICE_SHARED",          "as many as may be",                       SHARED, { deviceAccounts: 4 },                                                                              clear],
  ["DEVICE_SHARED",          "one more",                                SHARED, { deviceAccounts: 5 },                                                                              hold],
  ["COMPROMISE_SCORE",       "a new device and a new country",          SCORE, { signals: [login(9 * DAY), login(0, "laptop", "BR")] },                                             hold],
  ["COMPROMISE_SCORE",       "the same a day ago is half as much",      SCORE, { signals: [login(9 * DAY), login(DAY, "laptop", "BR")] },                                           clear],
  ["COMPROMISE_SCORE",       "and refused offline on top",              SCORE, { signals: [login(9 * DAY), login(DAY, "laptop", "BR")], refusedOfflineAtMs: NOW },                  hold],
  ["COMPROMISE_SCORE",       "ten wrong passwords",                     SCORE, { signals: Array.from({ length: 10 }, () => login(0, "phone", "CH", { succeeded: false })) },        hold],
  ["COMPROMISE_SCORE",       "one wrong password",                      SCORE, { signals: [login(0, "phone", "CH", { succeeded: false })] },                                        clear],
  ["DESTINATION_FAN_IN",     "ten accounts to a fresh address",         FAN_IN, { destinationAccounts: 10 },                                                                        hold],
  ["DESTINATION_FAN_IN",     "nine accounts",                           FAN_IN, { destinationAccounts: 9 },                                                                         clear],
  ["DESTINATION_FAN_IN",     "many, to an old address",                 FAN_IN, { destinationAccounts: 99, destinationSeenAtMs: NOW - DAY },                                        clear],
];

describe("each rule on behaviour", () => {
  it.each(ROWS)("%s: %s", (rule, _, behaviour, given, verdict) => {
    const findings = findAll(policyOf(behaviour), factsOf(given));
    const found = findings.find((finding) => finding.rule === rule);
    expect(found?.verdict).toEqual(verdict);
    expect(found?.reason).toMatch(/^[A-Z0-9].*\.$/);
    // A finding goes into a message that holds texts only.
    for (const value of Object.values(found?.evidence ?? {})) expect(value).toBeTypeOf("string");
  });

  it("has a row that is clear and one that is not, and is not asked unless the policy names it", () => {
    const always = findAll(policyOf({}), factsOf({})).map(({ rule }) => rule);
    expect(always).toHaveLength(8);
    // Whether an allow-list is asked is up to the account, whether an origin is up to the key. All are tested beside their rules.
    const elsewhere = [...always, "ALLOW_LIST", "AMOUNT_TIER", "ORIGIN_LIMIT"];
    for (const { rule } of RULES.filter((one) => !elsewhere.includes(one.rule))) {
      const kinds = ROWS.filter(([name]) => name === rule).map(([, , , , { kind }]) => kind === "clear");
      const expected = rule === "SUSPENDED" ? [false] : [false, true];
      expect([rule, ...[...new Set(kinds)].toSorted()]).toEqual([rule, ...expected]);
    }
  });
});

describe("what follows from a finding", () => {
  const given = factsOf({ amountMinor: 10n * BTC });

  it("is only noted of a rule in shadow", () => {
    const [finding] = findAll(policyOf(DEVICE, { shadow: ["NEW_DEVICE"] }), given).filter(
      ({ rule }) => rule === "NEW_DEVICE",
    );
    expect(finding).toMatchObject({ verdict: clear, evidence: { shadow: "hold" } });
    expect(finding?.reason).toContain("Only noted: No log-in");
    expect(strictest(findAll(policyOf(DEVICE), given))).toEqual(hold);
  });

  it.each([
    [[], 2],
    [[{ aboveMinor: String(10n * BTC), approvals: 5 }], 2],
    [[{ aboveMinor: String(10n * BTC - 1n), approvals: 5 }], 5],
    [
      [
        { aboveMinor: "1", approvals: 3 },
        { aboveMinor: "2", approvals: 4 },
      ],
      4,
    ],
    [[{ aboveMinor: "1", approvals: 1 }], 2],
  ])("takes as many people as the amount's tier: %j", (approvalTiers, approvals) => {
    expect(strictest(findAll(policyOf(DEVICE, { approvalTiers }), given))).toEqual({ kind: "hold", approvals });
  });

  it.each([
    [{ shadow: ["NO_SUCH_RULE"] }, "shadow.0"],
    [{ shadow: ["SUSPENDED"] }, "shadow.0"],
    [{ reopening: { people: 1 } }, "reopening.people"],
    [{ behaviour: { windows: [{ over: "all", windowMs: 1, maxReferenceMinor: "1" }] } }, "behaviour.reference"],
    [{ behaviour: { windows: [{ over: "all", windowMs: 1 }] } }, "behaviour.windows.0"],
    [{ behaviour: { windows: [{ over: "moon", windowMs: 1, maxCount: 1 }] } }, "behaviour.windows.0.over"],
    [{ behaviour: { dormant: { idleMs: 1, watchMs: 1 } } }, "behaviour.dormant.action"],
    [{ behaviour: { newDevise: {} } }, "behaviour"],
  ])("a policy of %j is refused, and the place is named", (fault, place) => {
    const parsed = policyFileSchema.safeParse({ ...BASE, ...fault });
    expect(parsed.error?.issues.map(({ path }) => path.join("."))).toContain(place);
  });
});

it("whatever order signals come in, and however often, the findings are the same", () => {
  const all = policyOf({
    ...TURN,
    ...DORMANT,
    ...CHANGES,
    ...DEVICE,
    ...COUNTRY,
    ...TRAVEL,
    ...SCORE,
    ...HOUR_OF_DAY,
    ...PROFIT,
  });
  const kinds = [
    (ago: number) => login(ago),
    (ago: number) => login(ago, "laptop", "BR"),
    (ago: number) => login(ago, "phone", "CH", { succeeded: false }),
    (ago: number) => changed(ago, "password"),
    (ago: number) => changed(ago, "secondFactor"),
    (ago: number) => deposit(ago, BTC),
    (ago: number) => balance(ago, BTC),
    (ago: number) => profit(ago, 6_000_000),
  ];
  const some = fc
    .array(fc.tuple(fc.nat(kinds.length - 1), fc.integer({ min: -2, max: 200 })), { minLength: 1, maxLength: 12 })
    .map((items) => items.map(([kind, hours]) => (kinds[kind] ?? login)(hours * HOUR)));
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      some.chain((signals) =>
        fc.tuple(
          fc.constant(signals),
          fc.shuffledSubarray([...signals, ...signals], { minLength: 2 * signals.length }),
        ),
      ),
      ([signals, disordered]) => {
        const findings = findAll(all, factsOf({ signals }));
        expect(findAll(all, factsOf({ signals: disordered }))).toEqual(findings);
        for (const { rule, verdict } of findings) if (verdict.kind !== "clear") seen.add(rule);
      },
    ),
    { numRuns: 500 },
  );
  expect(seen.size).toBeGreaterThan(2);
});
