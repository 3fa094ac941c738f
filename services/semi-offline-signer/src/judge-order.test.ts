// What a holder refuses by itself: one row a rule, in the order of the checks, each one change away from a sound order.
import { type Coin, deriveScript } from "@sluice/chains";
import { describe, expect, test } from "vitest";
import {
  clear,
  DESTINATION,
  type FixtureWallet,
  fund,
  makeHeldWallet,
  makeOrder,
  makePolicy,
  makeSeals,
  makeWallet,
  type Order,
  OTHER_DESTINATION,
  request,
  withInputOf,
} from "../test/zone.ts";
import { type HolderPolicy, judgeOrder } from "./judge-order.ts";

const seals = makeSeals();
const enemy = makeSeals();
const { wallet } = makeWallet();
const order = makeOrder(seals, wallet);
const policy = makePolicy(seals, wallet);
const w1 = order.withdrawals[0] as Order["withdrawals"][0];
const own = deriveScript(wallet.descriptor, 0, 3).address;
const paying = (...requests: readonly ReturnType<typeof request>[]) => makeOrder(seals, wallet, { requests });
const caps = (changes: Partial<HolderPolicy["caps"]>): HolderPolicy => ({
  ...policy,
  caps: { ...policy.caps, ...changes },
});
const revoked = makePolicy(
  { ...seals, trust: { find: (p, k) => withRevoked(seals.trust.find(p, k), "exchange-backend") } },
  wallet,
);

/** Two wallets of one ceremony: the same three holders, with the same fingerprints. */
const both = await makeHeldWallet(20, "hot", ["hot-2"]);
const wallets = { hot: both.wallet, other: (both.others[0] as FixtureWallet).wallet };
const ofBoth = makePolicy(seals, wallets.hot, {
  wallets: new Map([
    ["hot", wallets.hot],
    ["hot-2", wallets.other],
  ]),
});
const coins = [fund(wallets.hot, 90_000n), fund(wallets.hot, 90_000n, 5)];
const mixed = (at: 0 | 1) =>
  withInputOf(
    makeOrder(seals, wallets.hot, { coins }),
    { wallet: wallets.hot, coin: coins[at] as Coin },
    wallets.other,
  );
const changeOf = (branch: 0 | 1) => deriveScript(wallets.other.descriptor, branch, 7).address;

/** Pays what is due and an address of the other wallet as well, which the backend may even have asked for. */
function changeInto(address: string, cleared = false): Order {
  const pays = [
    { address: DESTINATION, amountSat: 100_000n },
    { address, amountSat: 200_000n },
  ];
  const more = cleared ? [request("w2", { address, amount: "200000" })] : [];
  return makeOrder(seals, wallets.hot, { requests: [request("w1"), ...more], pays });
}

function withRevoked<T extends { readonly producer: string }>(key: T | undefined, producer: string) {
  return key?.producer === producer ? { ...key, revoked: true } : key;
}

/** The same bytes with the payment's amount one satoshi less: eight bytes of the unsigned transaction. */
function withAmount(from: bigint, to: bigint): Order {
  const [before, after] = [from, to].map((amountSat) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(amountSat);
    return bytes;
  }) as [Buffer, Buffer];
  const psbt = Buffer.from(order.psbt);
  after.copy(psbt, psbt.indexOf(before));
  return { ...order, psbt };
}

describe("judgeOrder", () => {
  test("takes a sound order, and says what it would commit to", () => {
    const judged = judgeOrder(order, policy);
    expect(judged).toMatchObject({
      ok: true,
      value: {
        intent: {
          taskId: order.taskId,
          transactionId: order.transactionId,
          inputs: [w1.anchor],
          withdrawals: [{ withdrawalId: "w1", anchor: w1.anchor }],
        },
      },
    });
  });

  test("takes several withdrawals, also two of one amount to one address, and several coins", () => {
    const requests = [request("w1"), request("w2"), request("w3", { address: OTHER_DESTINATION, amount: "5000" })];
    const coins = [fund(wallet, 150_000n), fund(wallet, 200_000n, 4)];
    expect(judgeOrder(makeOrder(seals, wallet, { requests, coins }), policy)).toMatchObject({ ok: true });
  });

  test.each<[string, Order, HolderPolicy]>([
    ["HOLDER_OTHER", { ...order, holder: "semi-offline-signer-b" }, policy],
    ["ROUND_UNKNOWN", { ...order, round: 2 }, policy],
    ["WALLET_UNKNOWN", { ...order, walletId: "cold" }, policy],
    ["PSBT_MAGIC_MISSING", { ...order, psbt: Buffer.from("not a psbt") }, policy],
    ["INPUT_DERIVATION_UNKNOWN", makeOrder(seals, { ...makeWallet().wallet, walletId: "hot" }), policy],
    ["TRANSACTION_OTHER", { ...order, transactionId: "ab".repeat(32) }, policy],
    ["SEAL_KEY_UNKNOWN", order, { ...policy, trust: { find: () => undefined } }],
    ["SEAL_INVALID", { ...order, withdrawals: [{ ...w1, clearance: clear(enemy, request("w1")) }] }, policy],
    ["REQUEST_KEY_REVOKED", order, revoked],
    ["CLEARANCE_OTHER", { ...order, withdrawals: [{ ...w1, withdrawalId: "w2" }] }, policy],
    ["WITHDRAWAL_DUPLICATE", { ...order, withdrawals: [w1, w1] }, policy],
    ["ASSET_UNKNOWN", paying(request("w1", { asset: "ETH" })), policy],
    [
      "AMOUNT_ZERO",
      { ...order, withdrawals: [{ ...w1, clearance: clear(seals, request("w1", { amount: "0" })) }] },
      policy,
    ],
    [
      "ADDRESS_WRONG_NETWORK",
      {
        ...order,
        withdrawals: [
          { ...w1, clearance: clear(seals, request("w1", { address: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" })) },
        ],
      },
      policy,
    ],
    ["PAYMENT_TO_OWN_WALLET", paying(request("w1", { address: own })), policy],
    ["OWN_BRANCH_OUTPUT", makeOrder(seals, wallet, { pays: [{ address: own, amountSat: 100_000n }] }), policy],
    [
      "PAYMENT_UNMATCHED",
      makeOrder(seals, wallet, { pays: [{ address: OTHER_DESTINATION, amountSat: 100_000n }] }),
      policy,
    ],
    ["PAYMENT_AMOUNT", makeOrder(seals, wallet, { pays: [{ address: DESTINATION, amountSat: 100_001n }] }), policy],
    ["PAYMENT_AMOUNT", makeOrder(seals, wallet, { pays: [{ address: DESTINATION, amountSat: 99_999n }] }), policy],
    [
      "PAYMENT_UNMATCHED",
      makeOrder(seals, wallet, {
        pays: [
          { address: DESTINATION, amountSat: 100_000n },
          { address: DESTINATION, amountSat: 100_000n },
        ],
      }),
      policy,
    ],
    [
      "PAYMENT_MISSING",
      makeOrder(seals, wallet, {
        requests: [request("w1"), request("w2")],
        pays: [{ address: DESTINATION, amountSat: 100_000n }],
      }),
      policy,
    ],
    ["PAYMENT_OVER_CAP", order, caps({ maxPaymentSat: 99_999n })],
    ["FEE_OVER_CAP", order, caps({ maxFeeSat: 500n })],
    ["FEE_RATE_OVER_CAP", order, caps({ maxFeeRateSatPerKvbyte: 4_999n })],
    ["FEE_PERCENT_OVER_CAP", paying(request("w1", { amount: "1000" })), policy],
  ])("refuses with %s", (code, tampered, by) => {
    expect(judgeOrder(tampered, by)).toMatchObject({ ok: false, refusal: { code } });
  });

  test.each<[string, string, () => Order]>([
    ["its own", "signs", () => makeOrder(seals, wallets.hot)],
    ["the other one", "signs", () => makeOrder(seals, wallets.other)],
    ["one that nobody knows", "WALLET_UNKNOWN", () => ({ ...makeOrder(seals, wallets.hot), walletId: "hot-3" })],
    [
      "a coin of the other one",
      "INPUT_DERIVATION_PATH",
      () => ({ ...makeOrder(seals, wallets.other), walletId: "hot" }),
    ],
    ["a coin of each", "INPUT_NOT_OWN", () => mixed(1)],
    ["a coin of each, the other one's first", "INPUT_NOT_OWN", () => mixed(0)],
    ["change into the other one", "PAYMENT_UNMATCHED", () => changeInto(changeOf(1))],
    ["change into the other one, cleared", "PAYMENT_TO_OWN_WALLET", () => changeInto(changeOf(1), true)],
    ["a payment to the other one", "PAYMENT_TO_OWN_WALLET", () => changeInto(changeOf(0), true)],
  ])("holds keys of two wallets and judges what names one and has %s: %s", (_, code, make) => {
    const judged = judgeOrder(make(), ofBoth);
    expect(judged.ok ? "signs" : judged.refusal.code).toBe(code);
  });

  test("refuses an amount that was changed in the bytes, because they are another transaction then", () => {
    const tampered = withAmount(100_000n, 99_999n);
    expect(judgeOrder(tampered, policy)).toMatchObject({ ok: false, refusal: { code: "TRANSACTION_OTHER" } });
  });

  test("takes exactly what its caps say", () => {
    const judged = judgeOrder(order, policy);
    if (!judged.ok) throw new Error(judged.refusal.reason);
    const { feeSat, vbytes } = judged.value.decoded;
    const exact = {
      maxPaymentSat: 100_000n,
      maxFeeSat: feeSat,
      maxFeeRateSatPerKvbyte: (feeSat * 1000n) / BigInt(vbytes),
      maxFeePercent: Number((feeSat * 100n) / 100_000n) + 1,
    };
    expect(judgeOrder(order, caps(exact))).toMatchObject({ ok: true });
  });
});
