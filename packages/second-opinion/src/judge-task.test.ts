// The offline verdict: one row a check, in the order of precedence, each one change away from a task that is signed.
import { deriveScript } from "@sluice/chains";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  clear,
  DESTINATION,
  fund,
  makePolicy,
  makeSeals,
  makeTask,
  makeWallet,
  OTHER_DESTINATION,
  outpointOf,
  request,
  type Task,
} from "./fixtures.ts";
import { anchorOf, type History, judgeTask, MAX_TASK_BYTES, readTask } from "./judge-task.ts";
import type { Policy } from "./policy.ts";

const NOW_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const seals = makeSeals();
const { wallet } = makeWallet();
const wallets = new Map([["hot", wallet]]);
const coin = fund(wallet);
const task = makeTask(seals, wallet, { coins: [coin], clearedAtMs: NOW_MS });
const own = deriveScript(wallet.descriptor, 0, 3).address;
const policy = makePolicy();
const nothing: History = {
  paid: new Map(),
  spenders: [],
  byAccount: new Map(),
  byDestination: new Map(),
  ofWallet: [],
};

type Given = {
  readonly task?: Task;
  readonly policy?: Policy;
  readonly history?: Partial<History>;
  readonly trust?: typeof seals.trust;
  readonly nowMs?: number;
};

function verdict(given: Given) {
  const reading = readTask(given.task ?? task, { trust: given.trust ?? seals.trust, wallets });
  if (reading.kind === "refuse") return reading;
  return judgeTask(reading.read, given.policy ?? policy, { ...nothing, ...given.history }, given.nowMs ?? NOW_MS);
}

const of = (parts: Parameters<typeof makeTask>[2]) => makeTask(seals, wallet, { clearedAtMs: NOW_MS, ...parts });
const paying = (...pays: readonly (readonly [string, bigint])[]) =>
  of({ pays: pays.map(([address, amountSat]) => ({ address, amountSat })) });
const clearance = (changes: Parameters<typeof request>[1], sealed = seals) =>
  ({ ...task, withdrawals: [{ clearance: clear(sealed, request("w1", changes), NOW_MS), attempt: 1 }] }) satisfies Task;
const label = (tier: string, address = DESTINATION) =>
  makePolicy({ labels: [{ address, tier, category: "theft", reason: "a known thief" }] });
const past = (atMs: number, amountMinor = 100_000n) => [{ atMs, amountMinor }];
const two = [request("w1"), request("w2")];
const window = (changes: object) => [{ windowMs: HOUR_MS, ...changes }];
const scriptHex = "0014751e76e8199196d454941c45d1b3a323f1433bd6";

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

  const rows: readonly [string, string, Given][] = [
    ["TASK_TOO_LARGE", "", { task: { ...task, psbt: Buffer.alloc(MAX_TASK_BYTES) } }],
    ["WALLET_UNKNOWN", "", { task: { ...task, walletId: "cold" } }],
    ["SEAL_KEY_UNKNOWN", "", { trust: { find: () => undefined } }],
    ["SEAL_INVALID", "", { task: clearance({}, makeSeals()) }],
    ["REQUEST_KEY_REVOKED", "", { trust: revoking("exchange-backend") }],
    ["SEAL_KEY_REVOKED", "", { trust: revoking("online-risk") }],
    ["DUPLICATE_WITHDRAWAL", "", { task: of({ requests: [request("w1"), request("w1", { amount: "90000" })] }) }],
    ["PSBT_MAGIC_MISSING", "", { task: { ...task, psbt: Buffer.from("no psbt") } }],
    ["INPUT_DERIVATION_UNKNOWN", "", { task: { ...task, psbt: makeTask(seals, makeWallet().wallet).psbt } }],
    ["ASSET_UNKNOWN", "w1", { task: clearance({ asset: "ETH" }) }],
    ["AMOUNT_ZERO", "w1", { task: clearance({ amount: "0" }) }],
    ["ADDRESS_WRONG_NETWORK", "w1", { task: clearance({ address: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" }) }],
    ["ADDRESS_CHECKSUM", "w1", { task: clearance({ address: DESTINATION.replace(/0$/, "8") }) }],
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
    ["ALREADY_PAID", "", { history: { paid: paidWith(`${"ab".repeat(32)}:0`) } }],
    ["INPUT_IN_USE", "", { history: { spenders: [{ taskId: "t0", txid: "cd".repeat(32), withdrawalIds: ["w0"] }] } }],
    [
      "TRANSACTION_FOR_OTHERS",
      "",
      { history: { spenders: [{ taskId: "t0", txid: task.txid, withdrawalIds: ["w0", "w1"] }] } },
    ],
    ["CLEARANCE_EXPIRED", "w1", { nowMs: NOW_MS + policy.maxClearanceAgeMs + 1 }],
    ["CLEARANCE_FROM_FUTURE", "w1", { nowMs: NOW_MS - policy.maxClearanceAgeMs - 1 }],
    ["OVER_PAYMENT_LIMIT", "w1", { policy: makePolicy({ maxPaymentSat: "99999" }) }],
    ["FEE_OVER_ABSOLUTE_CAP", "", { policy: makePolicy({ maxFeeSat: "500" }) }],
    ["FEE_OVER_RATE_CAP", "", { policy: makePolicy({ maxFeeRateSatPerVbyte: 4.999 }) }],
    ["FEE_OVER_PERCENT_CAP", "", { task: of({ feeRateSatPerVbyte: 12 }), policy: makePolicy({ maxFeePercent: 1 }) }],
    ["FEE_TOO_LOW", "", { policy: makePolicy({ minFeeRateSatPerVbyte: 5.1 }) }],
    ["ACCOUNT_VELOCITY", "w1", { policy: makePolicy({ accountWindows: window({ maxCount: 0 }) }) }],
    ["ACCOUNT_VELOCITY", "w1", { policy: makePolicy({ accountWindows: window({ maxSat: "99999" }) }) }],
    ["DESTINATION_VELOCITY", "w1", { policy: makePolicy({ destinationWindows: window({ maxSat: "99999" }) }) }],
    ["WALLET_OUTFLOW", "", { policy: makePolicy({ walletWindows: window({ maxSat: "100000" }) }) }],
  ];

  test.each(rows)("refuses with %s, about '%s'", (rule, withdrawalId, given) => {
    expect(verdict(given)).toMatchObject({ kind: "refuse", findings: [{ rule, withdrawalId }] });
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
    const exact = makePolicy({
      maxPaymentSat: "100000",
      maxFeeSat: `${feeSat}`,
      maxFeeRateSatPerVbyte: rate,
      minFeeRateSatPerVbyte: rate,
      accountWindows: window({ maxCount: 1, maxSat: "100000" }),
      destinationWindows: window({ maxCount: 1, maxSat: "100000" }),
      walletWindows: window({ maxCount: 1, maxSat: `${100_000n + feeSat}` }),
    });
    expect(verdict({ policy: exact, nowMs: NOW_MS + policy.maxClearanceAgeMs })).toEqual({ kind: "sign" });
  });
});

describe("velocity", () => {
  const delayed: readonly [string, string, Given][] = [
    [
      "ACCOUNT_VELOCITY",
      "w1",
      {
        policy: makePolicy({ accountWindows: window({ maxCount: 1 }) }),
        history: { byAccount: new Map([["alice", past(NOW_MS - 1_000)]]) },
      },
    ],
    [
      "DESTINATION_VELOCITY",
      "w1",
      {
        policy: makePolicy({ destinationWindows: window({ maxSat: "150000" }) }),
        history: { byDestination: new Map([[scriptHex, past(NOW_MS - 1_000)]]) },
      },
    ],
    [
      "WALLET_OUTFLOW",
      "",
      {
        policy: makePolicy({ walletWindows: window({ maxSat: "150000" }) }),
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
    const once = makePolicy({ accountWindows: window({ maxCount: 1 }) });
    expect(verdict({ task: of({ requests: two }), policy: once })).toMatchObject({
      kind: "delay",
      findings: [{ withdrawalId: "w2", rule: "ACCOUNT_VELOCITY" }],
    });
    const others = [request("w1"), request("w2", { account: "bob" })];
    expect(verdict({ task: of({ requests: others }), policy: once })).toEqual({ kind: "sign" });
  });

  test("refuses rather than delays when one window never admits it", () => {
    const never = makePolicy({
      accountWindows: window({ maxSat: "99999" }),
      walletWindows: window({ maxSat: "150000" }),
    });
    expect(verdict({ policy: never, history: { ofWallet: past(NOW_MS) } })).toMatchObject({
      kind: "refuse",
      findings: [{ rule: "ACCOUNT_VELOCITY" }],
    });
  });
});

describe("a withdrawal that was ordered before", () => {
  const bumped = of({ coins: [coin], feeRateSatPerVbyte: 9 });
  const history = {
    paid: paidWith(outpointOf(coin)),
    spenders: [{ taskId: "t0", txid: task.txid, withdrawalIds: ["w1"] }],
  };

  test("may be ordered again in a transaction that spends its anchor, whatever its age, and counts once", () => {
    const full = makePolicy({ accountWindows: window({ maxCount: 1 }) });
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
    expect(refused).toBeGreaterThan(5);
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

function revoking(producer: string): typeof seals.trust {
  return {
    find: (name, keyId) => {
      const key = seals.trust.find(name, keyId);
      return key?.producer === producer ? { ...key, revoked: true } : key;
    },
  };
}

function changeAddress(index: number): string {
  return deriveScript(wallet.descriptor, 1, index).address;
}

function paidWith(anchor: string): History["paid"] {
  return new Map([["w1", { anchor, taskId: "t0", txid: "ef".repeat(32) }]]);
}
