// The offline verdict: one row a check, in the order of precedence, each one change away from a task that is signed.
import type { Tier } from "@sluice/address-labels";
import { CHAIN_REFUSALS, deriveScript } from "@sluice/chains";
import {
  approvalBody,
  type Producer,
  type SignedRequest,
  seal,
  signRequest,
  type Trust,
  type TrustedKey,
} from "@sluice/contracts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Bundle } from "./bundle.ts";
import {
  approve,
  clear,
  DESTINATION,
  fund,
  makeApprover,
  makePolicy,
  makeSeals,
  makeTask,
  makeWallet,
  noHistory,
  OTHER_DESTINATION,
  outpointOf,
  type PolicyChanges,
  request,
  revoking,
  signedRequest,
  type Task,
} from "./fixtures.ts";
import { judgeBundle, judgementFailed } from "./judge-bundle.ts";
import { readSuspension, type Suspension } from "./judge-suspensions.ts";
import { anchorOf, judgeTask, MAX_TASK_BYTES, readTask } from "./judge-task.ts";
import type { History } from "./judgement.ts";
import { STATUSES, type StatusCode } from "./statuses.ts";

const NOW_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const seals = makeSeals();
const { wallet } = makeWallet();
const wallets = new Map([["hot", wallet]]);
const coin = fund(wallet);
const task = makeTask(seals, wallet, { coins: [coin], clearedAtMs: NOW_MS });
const own = deriveScript(wallet.descriptor, 0, 3).address;
const policy = makePolicy();
const nothing = noHistory(NOW_MS);

/** Two coins, of which a transaction for somebody else spends one or both. */
const pair = makeTask(seals, wallet, { coins: [coin, fund(wallet, 70_000n, 7)], clearedAtMs: NOW_MS });
const pairOutpoints = inputsOf(pair);
const sparing = (spared: readonly string[] | null) => ({
  taskId: "t0",
  txid: "cd".repeat(32),
  withdrawalIds: ["w0"],
  spared,
});
const beside = sparing(pairOutpoints.slice(1));

function inputsOf(given: Task): readonly string[] {
  const reading = readTask(given, { trust: seals.trust, wallets });
  return reading.kind === "read" ? reading.read.decoded.inputs.map(({ outpoint }) => outpoint) : [];
}

type Given = {
  readonly task?: Task;
  readonly policy?: PolicyChanges;
  readonly history?: Partial<History>;
  readonly trust?: Trust;
  readonly nowMs?: number;
};

function verdict(given: Given) {
  const reading = readTask(given.task ?? task, { trust: given.trust ?? seals.trust, wallets });
  if (reading.kind === "refuse") return reading;
  const history = { ...nothing, ...given.history };
  return judgeTask(reading.read, makePolicy(given.policy), history, given.nowMs ?? NOW_MS);
}

const of = (parts: Parameters<typeof makeTask>[2]) => makeTask(seals, wallet, { clearedAtMs: NOW_MS, ...parts });
const paying = (...pays: readonly (readonly [string, bigint])[]) =>
  of({ pays: pays.map(([address, amountSat]) => ({ address, amountSat })) });
const clearance = (changes: Parameters<typeof request>[1], sealed = seals) =>
  ({ ...task, withdrawals: [{ clearance: clear(sealed, request("w1", changes), NOW_MS), attempt: 1 }] }) satisfies Task;
const scriptHex = "0014751e76e8199196d454941c45d1b3a323f1433bd6";
const label = (tier: string, address = DESTINATION): PolicyChanges => ({
  labels: [{ address, tier, category: "theft", reason: "a known thief" }],
});
const screenedAs = (...tiers: readonly (readonly [Tier, number])[]): Pick<History, "screened"> => ({
  screened: new Map([
    [
      scriptHex,
      {
        ...{ kind: "labels", version: 3, madeAtMs: NOW_MS - HOUR_MS },
        labels: tiers.map(([tier, confidence], at) => ({
          ...{ tier, confidence, category: "scam", source: `s${at}`, sinceMs: 0 },
        })),
      } as const,
    ],
  ]),
});
const unscreened: Pick<History, "screened"> = {
  screened: new Map([[scriptHex, { kind: "unknown", code: "LABELS_BLOCK_DAMAGED", detail: "a block" }]]),
};
const past = (atMs: number, amountMinor = 100_000n) => [{ atMs, amountMinor }];
const two = [request("w1"), request("w2")];
const ofTwoAccounts = [request("w1"), request("w2", { account: "bob" })];
const suspending = (kind: Suspension["kind"], ...values: readonly string[]): Pick<History, "suspensions"> => ({
  suspensions: [
    { id: "s0", kind: "account", values: ["somebody else"], reason: "" },
    { id: "s1", kind, values, reason: "a leak" },
  ],
});
const window = (changes: object) => [{ windowMs: HOUR_MS, ...changes }];

const always = { delayScore: 0, refuseScore: 0 };
const seldom = { delayScore: 0, refuseScore: 1_000 };
const never = { delayScore: 1_000, refuseScore: 1_000 };
const little = new Map([["alice", [100n, 100n, 200n, 100n, 100n]]]);
const smallHours = [100n, 200n, 100n, 100n, 100n];
const unusual = (scores: object): PolicyChanges => ({
  baseline: { historyMs: HOUR_MS, minimumCount: 5, account: never, wallet: never, delayMs: HOUR_MS, ...scores },
});
const ofBackend = (limits: object): PolicyChanges => ({
  originLimits: [{ keyId: "exchange-backend-1", ...limits }],
});
const ofAlice = (limits: object): PolicyChanges => ({
  accountLimits: [{ account: "alice", windows: [{ windowMs: HOUR_MS, ...limits }] }],
});
const vetoedBy = (person: string): History["deliberations"] =>
  new Map([["w1", { sinceMs: NOW_MS, veto: { person, via: "semi-offline-risk", reason: "" } }]]);
const alsoFor = (withdrawalIds: readonly string[]) => ({ taskId: "t0", txid: task.txid, withdrawalIds });
const cleared = (envelope: Uint8Array): Task => ({ ...task, withdrawals: [{ clearance: envelope, attempt: 1 }] });
const requested = (changes: object, input = (text: string) => text): Task => {
  const signed = signedRequest(seals, request("w1"), NOW_MS);
  return cleared(sealClearance("w1", { ...signed, signatureInput: input(signed.signatureInput), ...changes }));
};

describe("the offline verdict", () => {
  test("signs a task that nothing is found against", () => {
    expect(verdict({})).toEqual({ kind: "sign" });
  });

  test("signs several withdrawals in one transaction, also two of one amount to one address", () => {
    const requests = [...two, request("w3", { address: OTHER_DESTINATION, amount: "5000" })];
    expect(verdict({ task: of({ requests, coins: [fund(wallet, 150_000n), fund(wallet, 200_000n, 4)] }) })).toEqual({
      kind: "sign",
    });
  });

  /** In the order of precedence; "decoder" stands for the codes of CHAIN_REFUSALS. */
  const rows: readonly [string, string, Given][] = [
    ["TASK_TOO_LARGE", "", { task: { ...task, psbt: Buffer.alloc(MAX_TASK_BYTES) } }],
    ["WALLET_UNKNOWN", "", { task: { ...task, walletId: "cold" } }],
    ["ENVELOPE_MALFORMED", "", { task: cleared(Buffer.from("no envelope")) }],
    ["TYPE_UNKNOWN", "", { task: cleared(renamed("withdrawal.cleared.v1", "withdrawal.drained.v1")) }],
    ["TYPE_UNEXPECTED", "", { task: cleared(anotherMessage()) }],
    ["SEAL_KEY_UNKNOWN", "", { trust: { find: () => undefined } }],
    ["SEAL_KEY_REVOKED", "", { trust: revoking(seals, "online-risk") }],
    ["SEAL_KEY_EXPIRED", "", { trust: changing("online-risk", { expired: true }) }],
    ["PRODUCER_NOT_PERMITTED", "", { trust: changing("online-risk", { producer: "vault" }) }],
    ["SEAL_INVALID", "", { task: clearance({}, makeSeals()) }],
    ["PAYLOAD_MALFORMED", "", { task: cleared(withoutId()) }],
    ["REQUEST_SIGNATURE_MISSING", "", { task: requested({ signature: "" }) }],
    ["REQUEST_SIGNATURE_MALFORMED", "", { task: requested({ signature: "no dictionary" }) }],
    ["REQUEST_SIGNATURE_INCOMPLETE", "", { task: requested({}, (input) => input.replace('"@method" ', "")) }],
    ["REQUEST_DIGEST_MISSING", "", { task: requested({ contentDigest: "" }) }],
    ["REQUEST_DIGEST_MISMATCH", "", { task: requested({ body: Buffer.from("{}") }) }],
    ["REQUEST_KEY_UNKNOWN", "", { trust: without("exchange-backend") }],
    ["REQUEST_KEY_REVOKED", "", { trust: revoking(seals, "exchange-backend") }],
    ["REQUEST_KEY_EXPIRED", "", { trust: changing("exchange-backend", { expired: true }) }],
    ["REQUEST_SIGNATURE_INVALID", "", { task: requested({ authority: "elsewhere.example" }) }],
    ["REQUEST_NOT_A_WITHDRAWAL", "", { task: cleared(clearedRequest({ path: "/v1/withdrawals/w1/cancel" })) }],
    ["REQUEST_MALFORMED", "", { task: cleared(clearedRequest({ body: Buffer.from("{}") })) }],
    ["CLEARANCE_MISMATCH", "", { task: cleared(clearedRequest({}, "w2")) }],
    ["DUPLICATE_WITHDRAWAL", "", { task: of({ requests: [request("w1"), request("w1", { amount: "90000" })] }) }],
    ["PSBT_MAGIC_MISSING", "", { task: { ...task, psbt: Buffer.from("no psbt") } }],
    ["INPUT_DERIVATION_UNKNOWN", "", { task: { ...task, psbt: makeTask(seals, makeWallet().wallet).psbt } }],
    ["ASSET_UNKNOWN", "w1", { task: clearance({ asset: "ETH" }) }],
    ["AMOUNT_ZERO", "w1", { task: clearance({ amount: "0" }) }],
    ["AMOUNT_OVER_SUPPLY", "w1", { task: clearance({ amount: "2100000000000001" }) }],
    ["ADDRESS_CHECKSUM", "w1", { task: clearance({ address: DESTINATION.replace(/0$/, "8") }) }],
    ["ADDRESS_MALFORMED", "w1", { task: clearance({ address: "no address" }) }],
    // An extended public key, which is Base58Check and no address.
    ["ADDRESS_UNSUPPORTED", "w1", { task: clearance({ address: anXpub() }) }],
    ["ADDRESS_WRONG_NETWORK", "w1", { task: clearance({ address: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" }) }],
    ["PAYMENT_TO_OWN_WALLET", "w1", { task: of({ requests: [request("w1", { address: own })] }) }],
    ["OWN_BRANCH_OUTPUT", "", { task: paying([own, 100_000n]) }],
    ["CHANGE_SPLIT", "", { task: paying([DESTINATION, 100_000n], [changeAddress(5), 50_000n]) }],
    ["PAYMENT_UNMATCHED", "", { task: paying([OTHER_DESTINATION, 100_000n]) }],
    ["PAYMENT_UNMATCHED", "", { task: paying([DESTINATION, 100_000n], [OTHER_DESTINATION, 1_000n]) }],
    ["PAYMENT_UNMATCHED", "", { task: paying([DESTINATION, 100_000n], [DESTINATION, 100_000n]) }],
    ["PAYMENT_AMOUNT", "", { task: paying([DESTINATION, 100_001n]) }],
    ["PAYMENT_AMOUNT", "", { task: paying([DESTINATION, 99_999n]) }],
    ["PAYMENT_MISSING", "", { task: of({ requests: two, pays: [{ address: DESTINATION, amountSat: 100_000n }] }) }],
    ["DESTINATION_LABELLED", "w1", { policy: label("black") }],
    ["DESTINATION_LABELLED", "w1", { policy: label("grey", DESTINATION.toUpperCase()) }],
    ["DESTINATION_LABELLED", "w1", { history: screenedAs(["white", 100], ["black", 90]) }],
    ["DESTINATION_LABELLED", "w1", { history: screenedAs(["grey", 90]), policy: { screening: { refuseGrey: true } } }],
    ["ALREADY_PAID", "", { history: { paid: paidWith(`${"ab".repeat(32)}:0`) } }],
    ["INPUT_IN_USE", "", { history: { spenders: [{ taskId: "t0", txid: "cd".repeat(32), withdrawalIds: ["w0"] }] } }],
    ["INPUT_IN_USE", "", { task: pair, history: { spenders: [sparing([])] } }],
    // The first input would be the anchor, and an internal transfer has no versions.
    ["INPUT_IN_USE", "", { task: pair, history: { spenders: [sparing(pairOutpoints.slice(0, 1))] } }],
    ["INPUT_IN_USE", "", { task: pair, history: { spenders: [sparing(pairOutpoints)] } }],
    [
      "INPUT_IN_USE",
      "",
      { task: pair, history: { spenders: [{ ...sparing(pairOutpoints.slice(1)), withdrawalIds: [] }] } },
    ],
    ["INPUT_IN_USE", "", { task: pair, history: { spenders: [beside, sparing(null)] } }],
    ["INPUT_IN_USE", "", { task: pair, history: { paid: paidWith(pairOutpoints[1] ?? ""), spenders: [beside] } }],
    ["TRANSACTION_FOR_OTHERS", "", { history: { spenders: [alsoFor(["w0", "w1"])] } }],
    ["WITHDRAWAL_CHANGED", "w1", { history: { paid: paidWith(inputsOf(task)[0] ?? "", { amountSat: 99_999n }) } }],
    ["WITHDRAWAL_CHANGED", "w1", { history: { paid: paidWith(inputsOf(task)[0] ?? "", { scriptHex: "00" }) } }],
    [
      "CLEARANCE_EXPIRED",
      "w1",
      {
        nowMs: NOW_MS + policy.maxClearanceAgeMs + 1,
        history: { firstJudgedAtMs: NOW_MS + policy.maxClearanceAgeMs + 1 },
      },
    ],
    ["CLEARANCE_FROM_FUTURE", "w1", { nowMs: NOW_MS - policy.maxClearanceAgeMs - 1 }],
    ["OVER_PAYMENT_LIMIT", "w1", { policy: { maxPaymentSat: "99999" } }],
    ["ORIGIN_OVER_LIMIT", "w1", { policy: ofBackend({ maxPaymentSat: "99999" }) }],
    ["FEE_OVER_ABSOLUTE_CAP", "", { policy: { maxFeeSat: "500" } }],
    ["FEE_OVER_RATE_CAP", "", { policy: { maxFeeRateSatPerVbyte: 4.999 } }],
    ["FEE_OVER_PERCENT_CAP", "", { task: of({ coins: [coin], feeRateSatPerVbyte: 12 }), policy: { maxFeePercent: 1 } }],
    ["FEE_TOO_LOW", "", { policy: { minFeeRateSatPerVbyte: 5.1 } }],
    ...approvalRows(),
    ["VETOED", "w1", { history: { deliberations: vetoedBy("carol") } }],
    [
      "SUSPENDED",
      "w1",
      {
        task: of({ requests: ofTwoAccounts, coins: [coin] }),
        history: suspending("account", "alice"),
      },
    ],
    ["ACCOUNT_VELOCITY", "w1", { policy: { accountWindows: window({ maxCount: 0 }) } }],
    ["ACCOUNT_VELOCITY", "w1", { policy: { accountWindows: window({ maxSat: "99999" }) } }],
    ["ACCOUNT_VELOCITY", "w1", { policy: ofAlice({ maxSat: "99999" }) }],
    ["DESTINATION_VELOCITY", "w1", { policy: { destinationWindows: window({ maxSat: "99999" }) } }],
    ["ORIGIN_VELOCITY", "w1", { policy: ofBackend({ windows: window({ maxSat: "99999" }) }) }],
    ["WALLET_OUTFLOW", "", { policy: { walletWindows: window({ maxSat: "100000" }) } }],
    ["ACCOUNT_ABNORMAL", "w1", { policy: unusual({ account: always }), history: { usualOfAccount: little } }],
    ["WALLET_ABNORMAL", "", { policy: unusual({ wallet: always }), history: { usualHoursOfWallet: smallHours } }],
  ];
  const waits: readonly [string, string, Given][] = [
    ["SUSPENDED", "", { history: suspending("all", "") }],
    ["SUSPENDED", "", { history: suspending("wallet", "hot") }],
    ["SUSPENDED", "", { history: suspending("asset", "DOGE", "BTC") }],
    ["SUSPENDED", "w1", { history: suspending("account", "bob", "alice") }],
    ["SUSPENDED", "w1", { history: suspending("destination", scriptHex) }],
    [
      "ACCOUNT_VELOCITY",
      "w1",
      {
        policy: { accountWindows: window({ maxCount: 1 }) },
        history: { byAccount: new Map([["alice", past(NOW_MS - 1)]]) },
      },
    ],
    [
      "DESTINATION_VELOCITY",
      "w1",
      {
        policy: { destinationWindows: window({ maxCount: 1 }) },
        history: { byDestination: new Map([[scriptHex, past(NOW_MS - 1)]]) },
      },
    ],
    [
      "ORIGIN_VELOCITY",
      "w1",
      {
        policy: ofBackend({ windows: window({ maxCount: 1 }) }),
        history: { byOrigin: new Map([["exchange-backend-1", past(NOW_MS - 1)]]) },
      },
    ],
    [
      "WALLET_OUTFLOW",
      "",
      { policy: { walletWindows: window({ maxCount: 1 }) }, history: { ofWallet: past(NOW_MS - 1) } },
    ],
    ["ACCOUNT_ABNORMAL", "w1", { policy: unusual({ account: seldom }), history: { usualOfAccount: little } }],
    ["WALLET_ABNORMAL", "", { policy: unusual({ wallet: seldom }), history: { usualHoursOfWallet: smallHours } }],
    ["LABELS_UNKNOWN", "w1", { history: unscreened }],
    ["LABELS_UNKNOWN", "w1", { history: screenedAs(), policy: { screening: { maxAgeMs: HOUR_MS - 1 } } }],
    [
      "LARGE_PAYMENT_DELAY",
      "w1",
      { policy: { large: { delayAboveSat: "99999", delayMs: HOUR_MS, releaseAboveSat: "100000" } } },
    ],
    ["NEEDS_RELEASE", "w1", { policy: { large: { delayAboveSat: "99999", delayMs: 0, releaseAboveSat: "99999" } } }],
  ];

  test.each<readonly [string, Given]>([
    ["the store says white, or grey", { history: screenedAs(["white", 100], ["grey", 100]) }],
    [
      "a black label is less sure than the policy demands",
      { history: screenedAs(["black", 89]), policy: { screening: { blackFromConfidence: 90 } } },
    ],
    ["labels are as old as they may be", { history: screenedAs(), policy: { screening: { maxAgeMs: HOUR_MS } } }],
    ["the bundle's own white stands over the store", { history: screenedAs(["black", 100]), policy: label("white") }],
    ["somebody else is suspended", { history: suspending("account", "mallory") }],
    ["another wallet is suspended", { history: suspending("wallet", "alice") }],
    [
      "another asset, destination or account of that name is suspended",
      { history: suspending("destination", "alice") },
    ],
    ["the bundle's own white stands over a store that is away", { history: unscreened, policy: label("white") }],
  ])("signs where %s", (_, given) => expect(verdict(given)).toEqual({ kind: "sign" }));

  test.each(rows)("refuses with %s, about '%s'", (rule, withdrawalId, given) => {
    expect(verdict(given)).toMatchObject({ kind: "refuse", findings: [{ rule, withdrawalId }] });
  });

  test.each(waits)("delays with %s, about '%s'", (rule, withdrawalId, given) => {
    const judged = verdict(given);
    expect(judged).toMatchObject({ kind: "delay", findings: [{ rule, withdrawalId }] });
    expect(judged.kind === "delay" && judged.untilMs > NOW_MS).toBe(true);
  });

  test("has a row for every status of the table, in its order, and no other", () => {
    const named = (codes: readonly string[]) => [
      ...new Set(codes.map((code) => (code in CHAIN_REFUSALS ? "DECODER" : code))),
    ];
    const before: StatusCode[] = ["BUNDLE_UNAVAILABLE", "BUNDLE_TOO_OLD", "JUDGEMENT_FAILED"];
    // What pays nobody has a table of its own: judge-internal.test.ts.
    const ofPayouts = Object.entries(STATUSES).filter(([code]) => !code.startsWith("INTERNAL_"));
    const names = ofPayouts.map(([code]) => code);
    expect([...before, ...named([...rows, ...waits].map(([code]) => code))]).toEqual(names);
    const may = (verdict: "delay" | "refuse") =>
      ofPayouts.flatMap(([code, status]) => (status.verdict.includes(verdict) ? [code] : []));
    expect(named(rows.map(([code]) => code))).toEqual(may("refuse"));
    expect([...before, ...named(waits.map(([code]) => code))]).toEqual(may("delay"));
  });

  test("names the suspended of a batch alone, and holds the whole where a version of it was ordered before", () => {
    const batch = of({ requests: ofTwoAccounts, coins: [fund(wallet, 300_000n)] });
    const given = { task: batch, history: suspending("account", "bob") };
    const refused = verdict(given);
    expect(refused).toMatchObject({ kind: "refuse", findings: [{ rule: "SUSPENDED", withdrawalId: "w2" }] });
    const [anchor = ""] = inputsOf(batch);
    const paid = paidWith(anchor);
    const held = verdict({ ...given, history: { ...given.history, paid } });
    expect(held).toMatchObject({ kind: "delay", findings: [{ rule: "SUSPENDED", withdrawalId: "w2" }] });
    // All of it suspended, by one or by several: nobody is planned without the others.
    expect(verdict({ ...given, history: suspending("account", "alice", "bob") })).toMatchObject({
      kind: "delay",
      findings: [{ withdrawalId: "w1" }, { withdrawalId: "w2" }],
    });
  });

  test("a suspended destination is where the money goes, in any spelling; what is no address is nobody's", () => {
    const message = { suspensionId: "s", kind: "destination", isStanding: true, changedAtMs: 1 } as const;
    const values = [DESTINATION.toUpperCase(), DESTINATION, "no address"];
    expect(readSuspension({ ...message, values }, "regtest")).toEqual({
      ...{ id: "s", kind: "destination", values: [scriptHex], reason: "" },
    });
  });

  test("keeps to its order: of two faults the earlier one in the table decides; and this test can fail", () => {
    // Approvals are one check: the first and the last of its codes stand for all of them.
    const inside = rows.filter(([code]) => code.startsWith("APPROVAL")).slice(1, -1);
    const few = rows.filter((row) => !inside.includes(row));
    // A suspension decides before what only time and people can settle, be it a refusal or a delay.
    const held = waits.filter(([code]) => code === "SUSPENDED").slice(0, 1);
    const firm = few.findIndex(([code]) => code === "SUSPENDED") + 1;
    const others = waits.filter(([code]) => code !== "SUSPENDED");
    const all = [...few.slice(0, firm), ...held, ...few.slice(firm), ...others];
    const { tried, wrong } = compare(all);
    process.stderr.write(`precedence: ${tried} pairs of faults\n`);
    expect(wrong).toEqual([]);
    expect(tried).toBeGreaterThan(1_500);
    // A table in which one status stands where another one belongs.
    const at = all.findIndex(([code]) => code === "DESTINATION_LABELLED");
    const moved = [...all.slice(0, at), ...all.slice(at + 2, -1), ...all.slice(at, at + 2), ...all.slice(-1)];
    expect(compare(moved).wrong.length).toBeGreaterThan(10);
  });

  function compare(all: readonly (readonly [string, string, Given])[]) {
    const wrong: string[] = [];
    let tried = 0;
    for (const [at, [earlier, about, first]] of all.entries()) {
      for (const [later, , second] of all.slice(at + 1)) {
        const both = together(first, second);
        if (both === null) continue;
        tried += 1;
        const judged = verdict(both);
        const [found] = judged.kind === "sign" ? [] : judged.findings;
        if (found?.rule !== earlier || found.withdrawalId !== about)
          wrong.push(`${earlier} before ${later}: ${found?.rule}`);
      }
    }
    return { tried, wrong };
  }

  test("waits when there is no bundle, when it is too old, and when something goes wrong inside", () => {
    const wait = (rule: string) => ({ kind: "delay", findings: [{ withdrawalId: "", rule }] });
    const missing = judgeBundle({ ok: false, detail: "BUNDLE_SEAL_WRONG" }, NOW_MS);
    expect(missing.ok === false && missing.judgement).toMatchObject(wait("BUNDLE_UNAVAILABLE"));
    const bundle = { version: 3, madeAtMs: NOW_MS - policy.maxBundleAgeMs, policy } as Bundle;
    expect(judgeBundle({ ok: true, bundle }, NOW_MS)).toEqual({ ok: true, bundle });
    const old = judgeBundle({ ok: true, bundle }, NOW_MS + 1);
    expect(old.ok === false && old.judgement).toMatchObject(wait("BUNDLE_TOO_OLD"));
    expect(judgementFailed(new RangeError("a memory that makes no sense"), NOW_MS)).toMatchObject({
      ...wait("JUDGEMENT_FAILED"),
      untilMs: NOW_MS + 60_000,
    });
  });

  test("throws rather than judges by a memory that makes no sense", () => {
    const given = {
      policy: unusual({ account: always }),
      history: { usualOfAccount: new Map([["alice", [1n, 0n, 1n, 1n, 1n]]]) },
    };
    expect(() => verdict(given)).toThrow(RangeError);
    expect(() => verdict({ history: { byAccount: new Map([["alice", past(Number.NaN)]]) } })).toThrow(RangeError);
  });

  test("names every withdrawal that is at fault by the same check, and only those", () => {
    const requests = [request("w1"), request("w2", { address: OTHER_DESTINATION }), request("w3")];
    expect(verdict({ task: of({ requests }), policy: label("black") })).toMatchObject({
      kind: "refuse",
      findings: [{ withdrawalId: "w1" }, { withdrawalId: "w3" }],
    });
  });

  test("says whom an unreadable task would have paid as soon as the seals hold, and which transaction it was", () => {
    const foreign = readTask(clearance({ asset: "ETH" }), { trust: seals.trust, wallets });
    expect(foreign).toMatchObject({ withdrawals: [{ withdrawalId: "w1", attempt: 1 }], txid: task.txid });
    const bytes = readTask({ ...task, psbt: Buffer.from("no psbt") }, { trust: seals.trust, wallets });
    expect(bytes).toMatchObject({ withdrawals: [{ withdrawalId: "w1", attempt: 1 }], txid: "" });
    const unsealed = readTask(clearance({}, makeSeals()), { trust: seals.trust, wallets });
    expect(unsealed).toMatchObject({ withdrawals: [], txid: "" });
  });

  test("takes a white label for no reason", () => {
    expect(verdict({ policy: label("white") })).toEqual({ kind: "sign" });
  });

  test("holds its limits exactly: what is equal to one is within", () => {
    const reading = readTask(task, { trust: seals.trust, wallets });
    if (reading.kind !== "read") throw new Error("the control does not read");
    const { feeSat, vbytes } = reading.read.decoded;
    const rate = Number((feeSat * 1000n) / BigInt(vbytes)) / 1000;
    const exact = {
      maxPaymentSat: "100000",
      maxFeeSat: `${feeSat}`,
      maxFeeRateSatPerVbyte: rate,
      minFeeRateSatPerVbyte: rate,
      accountWindows: window({ maxCount: 1, maxSat: "100000" }),
      destinationWindows: window({ maxCount: 1, maxSat: "100000" }),
      walletWindows: window({ maxCount: 1, maxSat: `${100_000n + feeSat}` }),
    };
    expect(verdict({ policy: exact, nowMs: NOW_MS + policy.maxClearanceAgeMs })).toEqual({ kind: "sign" });
  });
});

describe("velocity", () => {
  const delayed: readonly [string, string, Given][] = [
    [
      "ACCOUNT_VELOCITY",
      "w1",
      {
        policy: { accountWindows: window({ maxCount: 1 }) },
        history: { byAccount: new Map([["alice", past(NOW_MS - 1_000)]]) },
      },
    ],
    [
      "DESTINATION_VELOCITY",
      "w1",
      {
        policy: { destinationWindows: window({ maxSat: "150000" }) },
        history: { byDestination: new Map([[scriptHex, past(NOW_MS - 1_000)]]) },
      },
    ],
    [
      "WALLET_OUTFLOW",
      "",
      {
        policy: { walletWindows: window({ maxSat: "150000" }) },
        history: { ofWallet: past(NOW_MS - 1_000) },
      },
    ],
  ];

  test.each(delayed)("delays with %s until the window is free", (rule, withdrawalId, given) => {
    const untilMs = NOW_MS - 1_000 + HOUR_MS;
    expect(verdict(given)).toMatchObject({ kind: "delay", untilMs, findings: [{ rule, withdrawalId }] });
    expect(verdict({ ...given, nowMs: untilMs })).toEqual({ kind: "sign" });
  });

  test("counts the withdrawals of one task against each other", () => {
    const once = { accountWindows: window({ maxCount: 1 }) };
    const twice = { accountWindows: window({ maxCount: 2 }) };
    const history = { byAccount: new Map([["alice", past(NOW_MS - 1_000)]]) };
    expect(verdict({ task: of({ requests: two }), policy: twice, history })).toMatchObject({
      kind: "delay",
      untilMs: NOW_MS - 1_000 + HOUR_MS,
      findings: [{ withdrawalId: "w2", rule: "ACCOUNT_VELOCITY" }],
    });
    const others = [request("w1"), request("w2", { account: "bob" })];
    expect(verdict({ task: of({ requests: others }), policy: once })).toEqual({ kind: "sign" });
  });

  // Found by the simulation (seed 54): such a task was delayed for ever, from one window to the next.
  test("refuses a task as a whole that no wait makes fit, and blames none of its withdrawals", () => {
    const once = { accountWindows: window({ maxCount: 1 }) };
    expect(verdict({ task: of({ requests: two }), policy: once })).toMatchObject({
      kind: "refuse",
      findings: [{ withdrawalId: "", rule: "ACCOUNT_VELOCITY" }],
    });
  });

  test("refuses rather than delays when one window never admits it", () => {
    const never = { accountWindows: window({ maxSat: "99999" }), walletWindows: window({ maxSat: "150000" }) };
    expect(verdict({ policy: never, history: { ofWallet: past(NOW_MS) } })).toMatchObject({
      kind: "refuse",
      findings: [{ rule: "ACCOUNT_VELOCITY" }],
    });
  });
});

test("what a signed version of another payout does without may be spent beside an anchor of one's own", () => {
  expect(pairOutpoints).toHaveLength(2);
  expect(verdict({ task: pair, history: { spenders: [beside] } })).toEqual({ kind: "sign" });
});

describe("a withdrawal that was ordered before", () => {
  const bumped = of({ coins: [coin], feeRateSatPerVbyte: 9 });
  const history = {
    paid: paidWith(outpointOf(coin)),
    spenders: [{ taskId: "t0", txid: task.txid, withdrawalIds: ["w1"] }],
  };

  test("may be ordered again in a transaction that spends its anchor, whatever its age, and counts once", () => {
    const full = { accountWindows: window({ maxCount: 1 }) };
    const byAccount = new Map([["alice", past(NOW_MS)]]);
    const nowMs = NOW_MS + 10 * policy.maxClearanceAgeMs;
    expect(verdict({ task: bumped, policy: full, nowMs, history: { ...history, byAccount } })).toEqual({
      kind: "sign",
    });
  });

  test("keeps its anchor; a new one gets the first input", () => {
    const reading = readTask(of({ coins: [fund(wallet), coin], requests: two }), { trust: seals.trust, wallets });
    if (reading.kind !== "read") throw new Error("does not read");
    expect(anchorOf("w1", reading.read, { ...nothing, ...history })).toBe(outpointOf(coin));
    expect(anchorOf("w2", reading.read, { ...nothing, ...history })).toBe(reading.read.decoded.inputs[0]?.outpoint);
  });

  test("is never signed for without its anchor, whatever else the transaction spends", () => {
    const coins = Array.from({ length: 4 }, (_, index) => fund(wallet, 300_000n, index));
    let refused = 0;
    fc.assert(
      fc.property(fc.subarray(coins, { minLength: 1 }), fc.nat(3), (spent, anchor) => {
        const named = outpointOf(coins[anchor] as (typeof coins)[0]);
        const given = { task: of({ coins: spent }), history: { paid: paidWith(named) } };
        const spends = spent.some((one) => outpointOf(one) === named);
        if (!spends) refused += 1;
        expect(verdict(given).kind).toBe(spends ? "sign" : "refuse");
      }),
      { numRuns: 60 },
    );
    expect(refused).toBeGreaterThan(0);
  });
});

describe("whatever single byte of a task is changed", () => {
  test("it is refused, or spends and pays exactly the same with a fee within the limits", () => {
    const control = readTask(task, { trust: seals.trust, wallets });
    if (control.kind !== "read") throw new Error("the control does not read");
    let refused = 0;
    fc.assert(
      fc.property(fc.nat(task.psbt.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const psbt = Uint8Array.from(task.psbt);
        psbt[at] = (psbt[at] ?? 0) ^ flip;
        const reading = readTask({ ...task, psbt }, { trust: seals.trust, wallets });
        if (reading.kind === "refuse" || judgeTask(reading.read, policy, nothing, NOW_MS).kind !== "sign") {
          refused += 1;
          return;
        }
        const { inputs, payments, feeSat } = reading.read.decoded;
        expect(inputs.map(({ outpoint, amountSat }) => [outpoint, amountSat])).toEqual(
          control.read.decoded.inputs.map(({ outpoint, amountSat }) => [outpoint, amountSat]),
        );
        expect(payments).toEqual(control.read.decoded.payments);
        expect(feeSat <= policy.maxFeeSat).toBe(true);
      }),
      { numRuns: 1_500 },
    );
    expect(refused).toBeGreaterThan(1_400);
  });
});

function sealClearance(withdrawalId: string, signed: ReturnType<typeof signedRequest>): Uint8Array {
  return seal(seals.sealer("online-risk"), "withdrawal.cleared.v1", {
    id: `${withdrawalId}/cleared`,
    key: withdrawalId,
    occurredAtMs: NOW_MS,
    message: { withdrawalId, request: signed, findings: [], clearedAtMs: NOW_MS },
  });
}

/** A request that the backend did sign, but not as online-risk or a withdrawal would have it. */
function clearedRequest(
  changes: { readonly path?: string; readonly body?: Uint8Array },
  withdrawalId = "w1",
): Uint8Array {
  const parts = { method: "POST", authority: "sluice.example", path: "/v1/withdrawals", query: "" };
  const body = changes.body ?? Buffer.from(JSON.stringify(request("w1")));
  const signed = signRequest(
    { ...parts, contentType: "application/json", ...changes, body },
    seals.sealer("exchange-backend"),
    { createdAtMs: NOW_MS, nonce: "nonce-of-w1" },
  );
  return sealClearance(withdrawalId, signed);
}

function anXpub(): string {
  const [xpub] = /tpub\w+/.exec(makeWallet().text) ?? [];
  if (xpub === undefined) throw new Error("the descriptor has no key");
  return xpub;
}

function anotherMessage(): Uint8Array {
  const message = { taskId: "t1", transactionId: task.txid, withdrawals: [{ withdrawalId: "w1", attempt: 1 }] };
  const parts = { id: "t1/started", key: "t1", occurredAtMs: NOW_MS };
  return seal(seals.sealer("vault"), "signing.started.v1", { ...parts, message });
}

/** Of the same length, so that everything around it still parses. */
function renamed(from: string, to: string): Uint8Array {
  const [first] = task.withdrawals;
  return Buffer.from(
    Buffer.from(first?.clearance ?? [])
      .toString("latin1")
      .replace(from, to),
    "latin1",
  );
}

function withoutId(): Uint8Array {
  const signed = signedRequest(seals, request("w1"), NOW_MS);
  const message = { withdrawalId: "w1", request: signed, findings: [], clearedAtMs: NOW_MS };
  return seal(seals.sealer("online-risk"), "withdrawal.cleared.v1", {
    id: "",
    key: "w1",
    occurredAtMs: NOW_MS,
    message,
  });
}

function changing(producer: Producer, changes: Partial<TrustedKey>): Trust {
  return {
    find: (name, keyId) => {
      const key = seals.trust.find(name, keyId);
      return key?.producer === producer ? { ...key, ...changes } : key;
    },
  };
}

function without(producer: Producer): Trust {
  return { find: (name, keyId) => (name === producer ? undefined : seals.trust.find(name, keyId)) };
}

/** One row for every way in which an approval does not count; what is beside it is good. */
function approvalRows(): readonly [string, string, Given][] {
  const [ann, ann2, bob] = [makeApprover("ann-1"), makeApprover("ann-2"), makeApprover("bob-1")];
  const body = request("w1");
  const approvers = [ann, ann2, bob].map(({ entry }) => entry);
  const row = (
    code: string,
    approvals: readonly SignedRequest[],
    policy: PolicyChanges = {},
  ): [string, string, Given] => [
    ...([code, "w1"] as const),
    {
      task: { ...task, withdrawals: [{ clearance: clear(seals, body, NOW_MS, approvals), attempt: 1 }] },
      policy: { approvalTiers: [{ aboveSat: "99999", approvals: 2 }], approvers, ...policy },
    },
  ];
  const good = approve(bob, body, NOW_MS);
  const signed = approve(ann, body, NOW_MS);
  const beside = (changes: Partial<SignedRequest>) => [{ ...signed, ...changes }, good];
  const about = (changes: Parameters<typeof approve>[3]) => [approve(ann, body, NOW_MS, changes), good];
  const listed = (changes: object): PolicyChanges => ({
    approvers: approvers.map((each) => (each.keyId === "ann-1" ? { ...each, ...changes } : each)),
  });
  const uncovered = signed.signatureInput.replace(' "content-digest"', "");
  const requested = seals.file.find(({ producer }) => producer === "exchange-backend")?.publicKey ?? "";
  const asBackend = { keyId: "ann-1", privateKey: seals.sealer("exchange-backend").privateKey };
  return [
    row("APPROVAL_SIGNATURE_MISSING", beside({ signature: "" })),
    row("APPROVAL_SIGNATURE_MALFORMED", beside({ signature: "no dictionary" })),
    row("APPROVAL_SIGNATURE_INCOMPLETE", beside({ signatureInput: uncovered })),
    row("APPROVAL_DIGEST_MISSING", beside({ contentDigest: "" })),
    row("APPROVAL_DIGEST_MISMATCH", beside({ body: approvalBody(Buffer.from("{}")) })),
    row("APPROVAL_KEY_UNKNOWN", [signed, good], { approvers: approvers.slice(1) }),
    row("APPROVAL_KEY_UNKNOWN", [signed, good], listed({ fromMs: NOW_MS + 1 })),
    row("APPROVAL_KEY_REVOKED", [signed, good], listed({ revoked: true })),
    row("APPROVAL_KEY_EXPIRED", [signed, good], listed({ untilMs: NOW_MS })),
    row("APPROVAL_SIGNATURE_INVALID", beside({ authority: "elsewhere.example" })),
    row("APPROVAL_OTHER_WITHDRAWAL", about({ path: "/v1/withdrawals/w2/approvals" })),
    row("APPROVAL_OTHER_WITHDRAWAL", about({ path: "/v1/withdrawals/w1/failure" })),
    row("APPROVAL_OTHER_WITHDRAWAL", about({ query: "?id=w1" })),
    row("APPROVAL_OTHER_WITHDRAWAL", about({ method: "PUT" })),
    row("APPROVAL_UNBOUND", about({ body: new Uint8Array(0) })),
    row("APPROVAL_OTHER_CONTENT", [approve(ann, { ...body, amount: "100001" }, NOW_MS), good]),
    row("APPROVAL_OTHER_CONTENT", about({ body: Buffer.from(JSON.stringify({ requestSha256: "" })) })),
    row("APPROVAL_OWN_REQUEST", [approve(asBackend, body, NOW_MS), good], listed({ publicKey: requested })),
    row("APPROVAL_EXPIRED", [approve(ann, body, NOW_MS - policy.maxClearanceAgeMs - 1), good]),
    row("APPROVAL_FROM_FUTURE", [approve(ann, body, NOW_MS + policy.maxClearanceAgeMs + 1_000), good]),
    row("APPROVAL_KEY_TWICE", [good, { ...good }]),
    row("APPROVAL_PERSON_TWICE", [signed, approve(ann2, body, NOW_MS)]),
    row("APPROVALS_MISSING", []),
    row("APPROVALS_MISSING", [good]),
  ];
}

/** Both faults at once; null where one would undo the other. */
function together(first: Given, second: Given): Given | null {
  const clash = (left: object = {}, right: object = {}) => Object.keys(left).some((key) => Object.hasOwn(right, key));
  const { policy: _p, history: _h, ...rest } = first;
  const { policy: _q, history: _i, ...others } = second;
  if (clash(rest, others) || clash(first.policy, second.policy) || clash(first.history, second.history)) return null;
  // That one is about this very transaction.
  if (first.history?.spenders?.[0]?.txid === task.txid && second.task !== undefined) return null;
  const policy = { ...first.policy, ...second.policy };
  return { ...rest, ...others, policy, history: { ...first.history, ...second.history } };
}

function changeAddress(index: number): string {
  return deriveScript(wallet.descriptor, 1, index).address;
}

function paidWith(anchor: string, changes: object = {}): History["paid"] {
  const same = { scriptHex, amountSat: 100_000n, ...changes };
  return new Map([["w1", { anchor, taskId: "t0", txid: "ef".repeat(32), ...same }]]);
}
