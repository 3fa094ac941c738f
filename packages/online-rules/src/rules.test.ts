// Each rule on its own, one row a check in the order in which the rule asks; and all of them together.
import type { Tier } from "@sluice/address-labels";
import { type RiskVerdict, strictest, type VelocityEntry } from "@sluice/core";
import { historyOf } from "@sluice/signals";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { behaviourSchema } from "./behaviour-policy.ts";
import type { Label, Policy } from "./policy.ts";
import { feePolicySchema } from "./quote.ts";
import { endsOf, type Facts, findAll, RULES } from "./rules.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

const POLICY: Policy = {
  accountWindows: [
    { windowMs: HOUR, maxCount: 3 },
    { windowMs: 24 * HOUR, maxMinor: 1_000n },
  ],
  maxAmountMinor: 900n,
  newDestination: { aboveMinor: 100n, delayMs: HOUR },
  allowList: { activationMs: HOUR, otherwise: "reject" },
  screening: { blackFromConfidence: 50, unknown: { approvals: 2 } },
  zone: { gapMs: 60_000, zoneSilentMs: 60_000, refusedMs: HOUR },
  behaviour: behaviourSchema.parse({}),
  origins: [],
  approvalTiers: [],
  reopening: { people: 2, checklist: {} },
  shadow: [],
  fees: { BTC: feePolicySchema.parse({}) },
  labels: new Map<string, Label>([
    ["aa", { tier: "white", category: "own", reason: "cold wallet" }],
    ["bb", { tier: "grey", category: "mixer", reason: "looked at by a person" }],
    ["cc", { tier: "black", category: "theft", reason: "stolen coins" }],
  ]),
};
const BY_APPROVAL: Policy = { ...POLICY, newDestination: { aboveMinor: 100n, approvals: 2 } };
const UNBOUND: Policy = { ...POLICY, accountWindows: [] };
/** What is asked whatever the policy says; the others have a test of their own. */
const ALWAYS = RULES.slice(0, 8).map(({ rule }) => rule);
const NOTHING: Facts["behaviour"] = {
  ...{ asset: "BTC", history: historyOf([], NOW), requested: [] },
  cleared: { account: [], destination: [], device: [], ip: [], asset: [], all: [] },
  ...{ deviceAccounts: 0, destinationAccounts: 1, destinationSeenAtMs: NOW },
};

type Given = {
  readonly nowMs?: number;
  readonly amountMinor?: bigint;
  readonly past?: readonly VelocityEntry[];
  readonly destination?: Partial<Facts["destination"]>;
  readonly waitedMs?: number;
  readonly alarms?: Facts["alarms"];
  readonly refusedOfflineAtMs?: number;
};

function facts({ destination, ...given }: Given = {}): Facts {
  return {
    nowMs: NOW,
    amountMinor: 100n,
    past: [],
    waitedMs: 0,
    alarms: [],
    refusedOfflineAtMs: null,
    requesterKey: "backend-1",
    allowList: null,
    behaviour: NOTHING,
    suspension: null,
    ...given,
    destination: {
      scriptPubKey: "00",
      firstSeenAtMs: NOW,
      approvedAtMs: null,
      resembles: null,
      ownWallet: null,
      screened: { kind: "off" },
      ...destination,
    },
  };
}

const paid = (agoMs: number, amountMinor = 1n): VelocityEntry => ({ atMs: NOW - agoMs, amountMinor });
const clear: RiskVerdict = { kind: "clear" };
const reject: RiskVerdict = { kind: "reject" };
const hold = (approvals: number): RiskVerdict => ({ kind: "hold", approvals });
const delay = (untilMs: number): RiskVerdict => ({ kind: "delay", untilMs });
const missing: Facts["alarms"] = [{ code: "REPORTS_MISSING", detail: "report 7 did not arrive" }];

const UNKNOWN = { kind: "unknown", code: "LABELS_BLOCK_DAMAGED", detail: "a block" } as const;
const said = (...tiers: readonly (readonly [Tier, number])[]): Facts["destination"]["screened"] => ({
  kind: "labels",
  version: 4,
  madeAtMs: NOW,
  labels: tiers.map(([tier, confidence], at) => ({ tier, confidence, category: "scam", source: `s${at}`, sinceMs: 1 })),
});

type Row = readonly [rule: string, what: string, given: Given, verdict: RiskVerdict, ...policy: readonly Policy[]];

// biome-ignore format: one check a line
const ROWS: readonly Row[] = [
  ["AMOUNT_MAX",        "an amount at the limit",                      { amountMinor: 900n },                                      clear],
  ["AMOUNT_MAX",        "an amount one over the limit",                { amountMinor: 901n },                                      reject],
  ["ACCOUNT_VELOCITY",  "nothing before",                              {},                                                         clear],
  ["ACCOUNT_VELOCITY",  "no windows at all",                           { past: [paid(0), paid(0), paid(0), paid(0)] },             clear, UNBOUND],
  ["ACCOUNT_VELOCITY",  "the last one that fits the count",            { past: [paid(1), paid(2)] },                               clear],
  ["ACCOUNT_VELOCITY",  "one more than the count",                     { past: [paid(1), paid(2), paid(HOUR - 1)] },               delay(NOW + 1)],
  ["ACCOUNT_VELOCITY",  "an older one has just left the window",       { past: [paid(1), paid(2), paid(HOUR)] },                   clear],
  ["ACCOUNT_VELOCITY",  "the last minor unit that fits the sum",       { past: [paid(2 * HOUR, 900n)] },                           clear],
  ["ACCOUNT_VELOCITY",  "one minor unit over the sum",                 { past: [paid(2 * HOUR, 901n)] },                           delay(NOW + 22 * HOUR)],
  ["ACCOUNT_VELOCITY",  "more at once than the window ever holds",     { amountMinor: 1_001n },                                    reject],
  ["DESTINATION_OWN",   "somebody else's",                             {},                                                         clear],
  ["DESTINATION_OWN",   "the hot wallet's",                            { destination: { ownWallet: "hot" } },                      reject],
  ["DESTINATION_LABEL", "no label",                                    {},                                                         clear],
  ["DESTINATION_LABEL", "a white label",                               { destination: { scriptPubKey: "aa" } },                    clear],
  ["DESTINATION_LABEL", "a grey label",                                { destination: { scriptPubKey: "bb" } },                    hold(1)],
  ["DESTINATION_LABEL", "a black label",                               { destination: { scriptPubKey: "cc" } },                    reject],
  ["DESTINATION_LABEL", "the store knows nothing of it",               { destination: { screened: said() } },                      clear],
  ["DESTINATION_LABEL", "the store says white",                        { destination: { screened: said(["white", 100]) } },        clear],
  ["DESTINATION_LABEL", "one source of three says grey",               { destination: { screened: said(["white", 100], ["grey", 1], ["white", 99]) } }, hold(1)],
  ["DESTINATION_LABEL", "black, as sure as the policy demands",        { destination: { screened: said(["white", 100], ["black", 50]) } }, reject],
  ["DESTINATION_LABEL", "black, and less sure",                        { destination: { screened: said(["black", 49]) } },         hold(1)],
  ["DESTINATION_LABEL", "one unsure black and one sure",               { destination: { screened: said(["black", 49], ["black", 90]) } }, reject],
  ["DESTINATION_LABEL", "the policy's own white stands over the store", { destination: { scriptPubKey: "aa", screened: said(["black", 100]) } }, clear],
  ["DESTINATION_LABEL", "the policy's own black stands over the store", { destination: { scriptPubKey: "cc", screened: said(["white", 100]) } }, reject],
  ["DESTINATION_LABEL", "the store cannot be asked",                   { destination: { screened: UNKNOWN } },                     hold(2)],
  ["DESTINATION_LABEL", "the store cannot be asked: judged again",     { destination: { screened: UNKNOWN } },                     delay(NOW + 7), { ...POLICY, screening: { blackFromConfidence: 0, unknown: { delayMs: 7 } } }],
  ["DESTINATION_LABEL", "the provider is being asked",                 { destination: { screened: { kind: "pending", untilMs: NOW + 9 } } }, delay(NOW + 9)],
  ["DESTINATION_LABEL", "own label, and the store cannot be asked",    { destination: { scriptPubKey: "aa", screened: UNKNOWN } }, clear],
  ["NEW_DESTINATION",   "a small amount",                              { amountMinor: 100n },                                      clear],
  ["NEW_DESTINATION",   "one minor unit more",                         { amountMinor: 101n },                                      delay(NOW + HOUR)],
  ["NEW_DESTINATION",   "a white label",                               { amountMinor: 101n, destination: { scriptPubKey: "aa" } }, clear],
  ["NEW_DESTINATION",   "a grey label is no reason to trust",          { amountMinor: 101n, destination: { scriptPubKey: "bb" } }, delay(NOW + HOUR)],
  ["NEW_DESTINATION",   "the store's white is no reason to trust",     { amountMinor: 101n, destination: { screened: said(["white", 100]) } }, delay(NOW + HOUR)],
  ["NEW_DESTINATION",   "approved once",                               { amountMinor: 101n, destination: { approvedAtMs: 1 } },    clear],
  ["NEW_DESTINATION",   "known for just too short",                    { amountMinor: 101n, destination: { firstSeenAtMs: NOW - HOUR + 1 } }, delay(NOW + 1)],
  ["NEW_DESTINATION",   "known for long enough",                       { amountMinor: 101n, destination: { firstSeenAtMs: NOW - HOUR } },     clear],
  ["NEW_DESTINATION",   "people decide: never approved, however old",  { amountMinor: 101n, destination: { firstSeenAtMs: 0 } },   hold(2), BY_APPROVAL],
  ["NEW_DESTINATION",   "people decide: a small amount",               { amountMinor: 100n },                                      clear, BY_APPROVAL],
  ["NEW_DESTINATION",   "people decide: approved once",                { amountMinor: 101n, destination: { approvedAtMs: 1 } },    clear, BY_APPROVAL],
  ["ADDRESS_LOOKALIKE", "like no other",                               {},                                                         clear],
  ["ADDRESS_LOOKALIKE", "like an older one",                           { destination: { resembles: "bcrt1q" } },                   hold(1)],
  ["ADDRESS_LOOKALIKE", "like an older one, and approved",             { destination: { resembles: "bcrt1q", approvedAtMs: 1 } },  clear],
  ["REFUSED_OFFLINE_LATELY", "never refused, or long ago",             {},                                                         clear],
  ["REFUSED_OFFLINE_LATELY", "refused within the window",              { refusedOfflineAtMs: NOW - 1 },                            hold(1)],
  ["REPORTS_MISSING",   "every report is here",                        {},                                                         clear],
  ["REPORTS_MISSING",   "one is missing: asked again soon",            { alarms: missing },                                        delay(NOW + 2_000)],
  ["REPORTS_MISSING",   "still missing: asked again later",            { alarms: missing, waitedMs: 9_000 },                       delay(NOW + 9_000)],
  ["REPORTS_MISSING",   "missing for long: every ten seconds",         { alarms: missing, waitedMs: HOUR },                        delay(NOW + 10_000)],
];

describe("each rule", () => {
  const rows = ROWS.map(
    ([rule, what, given, verdict, policy = POLICY]) => [rule, what, given, verdict, policy] as const,
  );

  it.each(rows)("%s: %s", (rule, _, given, verdict, policy) => {
    const found = findAll(policy, facts(given)).find((finding) => finding.rule === rule);
    expect(found?.verdict).toEqual(verdict);
    expect(found?.reason).toMatch(/^\S.*[.a-z]$/);
  });

  it("has a row that is clear and one that is not", () => {
    for (const rule of ALWAYS) {
      const kinds = ROWS.filter(([name]) => name === rule).map(([, , , { kind }]) => kind === "clear");
      expect([rule, ...new Set(kinds)]).toEqual([rule, true, false]);
    }
  });
});

describe("all rules", () => {
  it("answer in their order, each once, whatever they are asked", () => {
    const names = [
      "AMOUNT_MAX",
      "ACCOUNT_VELOCITY",
      "DESTINATION_OWN",
      "DESTINATION_LABEL",
      "NEW_DESTINATION",
      "ADDRESS_LOOKALIKE",
      "REFUSED_OFFLINE_LATELY",
      "REPORTS_MISSING",
    ];
    const kinds = new Set<string>();
    fc.assert(
      fc.property(anyFacts, fc.constantFrom(POLICY, BY_APPROVAL, UNBOUND), (given, policy) => {
        const findings = findAll(policy, given);
        expect(findings.map(({ rule }) => rule)).toEqual(names);
        kinds.add(strictest(findings).kind);
      }),
      { numRuns: 1_000 },
    );
    expect([...kinds].toSorted()).toEqual(["clear", "delay", "hold", "reject"]);
  });

  it("never release a delay before its end, and have nothing against it then if nothing else came", () => {
    let delays = 0;
    fc.assert(
      fc.property(anyFacts, (given) => {
        const verdict = strictest(findAll(POLICY, given));
        if (verdict.kind !== "delay") return;
        delays += 1;
        expect(verdict.untilMs).toBeGreaterThan(given.nowMs);
        const justBefore = findAll(POLICY, { ...given, nowMs: verdict.untilMs - 1 });
        expect(strictest(justBefore).kind).toBe("delay");
        expect(strictest(findAll(POLICY, { ...given, nowMs: verdict.untilMs }))).toEqual({ kind: "clear" });
      }),
      { numRuns: 2_000 },
    );
    expect(delays).toBeGreaterThan(100);
  });
});

const anyFacts: fc.Arbitrary<Facts> = fc.record({
  nowMs: fc.constant(NOW),
  amountMinor: fc.bigInt({ min: 1n, max: 1_100n }),
  past: fc
    .array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.bigInt({ min: 1n, max: 500n })), { maxLength: 5 })
    .map((entries) => entries.map(([hours, amount]) => paid(hours * HOUR, amount))),
  destination: fc.record({
    scriptPubKey: fc.constantFrom("00", "00", "00", "aa", "bb", "cc"),
    firstSeenAtMs: fc.constantFrom(NOW, NOW - HOUR / 2, 0),
    approvedAtMs: fc.constantFrom(null, 1),
    resembles: fc.constantFrom(null, null, null, "bcrt1q"),
    ownWallet: fc.constantFrom(null, null, null, null, "hot"),
    screened: fc.constantFrom(UNKNOWN, said(["black", 90]), { kind: "off" } as const),
  }),
  waitedMs: fc.constant(0),
  alarms: fc.constant([]),
  refusedOfflineAtMs: fc.constant(null),
  requesterKey: fc.constant("backend-1"),
  allowList: fc.constant(null),
  behaviour: fc.constant(NOTHING),
  suspension: fc.constant(null),
});

describe("the ends of an address", () => {
  it.each([
    ["bcrt1q9z0kxj7wp8fj2wjs8e5yr0ddq4vqfw2xvmh5t8", "9z0k…h5t8"],
    ["BC1Q9Z0KXJ7WP8FJ2WJS8E5YR0DDQ4VQFW2XVMH5T8", "9z0k…h5t8"],
    ["bc1p9z0kxj7wp8fj2wjs8e5yr0ddq4vqfw2xvmh5t8", "9z0k…h5t8"],
    ["1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "1Boa…tpyT"],
  ])("%s", (address, ends) => {
    expect(endsOf(address)).toBe(ends);
  });
});
