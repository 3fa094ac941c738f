// Plans: what was asked is what the decoder finds, the money adds up, and each refusal has its code.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeCoin, makeTestWallet, makeTransaction } from "../../test/holders.ts";
import { addressOf } from "./address.ts";
import { decodePayout } from "./decode.ts";
import { type Coin, type PlanRequest, planPayout } from "./plan.ts";
import { dustSat, type ScriptType, standardScript } from "./script.ts";
import { payoutVbytes } from "./size.ts";
import { outpointOf, parseTransaction, serializeWithWitnesses } from "./transaction.ts";
import { deriveScript } from "./wallet.ts";
import { toHex } from "./wire.ts";

const { wallet } = makeTestWallet("plan");
const GENERATOR_X = Uint8Array.from(
  Buffer.from("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", "hex"),
);
const payeeScript = (type: ScriptType, byte: number) =>
  standardScript(type, type === "p2tr" ? GENERATOR_X : new Uint8Array(type === "p2wsh" ? 32 : 20).fill(byte));
const payTo = (scriptPubKey: Uint8Array, amountSat: bigint, nth = 0) => ({
  withdrawalId: `w-${nth}`,
  address: addressOf("regtest", scriptPubKey) ?? "",
  amountSat,
});
const payee = payeeScript("p2wpkh", 1);
const base: PlanRequest = {
  wallet,
  coins: [
    makeCoin(wallet, 0, 0, 1_000_000n, 1),
    makeCoin(wallet, 1, 1, 500_000n, 2),
    makeCoin(wallet, 0, 2, 2_000_000n, 3),
  ],
  payments: [payTo(payee, 300_000n)],
  changeIndex: 5,
  feeRateSatPerVbyte: 3,
};
const plan = (change: Partial<PlanRequest> = {}) => {
  const planned = planPayout({ ...base, ...change });
  if (!planned.ok) throw new Error(planned.refusal.detail);
  return planned.value;
};

const smaller = (left: bigint, right: bigint) => (left < right ? left : right);

const anyCoin = fc.record({
  branch: fc.constantFrom(0 as const, 1 as const),
  index: fc.nat(9),
  amountSat: fc.bigInt({ min: 330n, max: 3_000_000n }),
});
const anyPayment = fc.record({
  type: fc.constantFrom<ScriptType>("p2pkh", "p2sh", "p2wpkh", "p2wsh", "p2tr"),
  byte: fc.nat(255),
  amountSat: fc.bigInt({ min: 546n, max: 900_000n }),
});
const anyRequest = fc.record({
  coins: fc.array(anyCoin, { minLength: 1, maxLength: 6 }),
  payments: fc.array(anyPayment, { minLength: 1, maxLength: 6 }),
  changeIndex: fc.nat(9),
  feeRateSatPerVbyte: fc.oneof(fc.constantFrom(0.1, 1, 1.234, 500), fc.double({ min: 0.01, max: 100, noNaN: true })),
  required: fc.nat(2),
});

describe("a plan", () => {
  it("decodes, independently, to exactly what was asked", () => {
    let planned = 0;
    fc.assert(
      fc.property(anyRequest, (request) => {
        const coins = request.coins.map((coin, nth) => makeCoin(wallet, coin.branch, coin.index, coin.amountSat, nth));
        const scripts = request.payments.map(({ type, byte }) => payeeScript(type, byte));
        const payments = request.payments.map(({ amountSat }, nth) => payTo(scripts[nth] ?? payee, amountSat, nth));
        const requiredOutpoints = coins.slice(0, request.required).map(outpointOf);
        const { changeIndex, feeRateSatPerVbyte } = request;
        const result = planPayout({ wallet, coins, requiredOutpoints, payments, changeIndex, feeRateSatPerVbyte });
        if (!result.ok) {
          expect(result.refusal.code).toBe("INSUFFICIENT_FUNDS");
          return;
        }
        planned += 1;
        const { psbt, txid, feeSat, vbytes, inputs, changeSat } = result.value;
        const decoded = decodePayout(psbt, wallet, { gapLimit: 10 });
        if (!decoded.ok) throw new Error(`${decoded.refusal.code}: ${decoded.refusal.detail}`);
        expect(decoded.value.txid).toBe(txid);
        expect(
          decoded.value.inputs.map(({ outpoint, amountSat, branch, index }) => [outpoint, amountSat, branch, index]),
        ).toEqual(inputs.map((coin) => [outpointOf(coin), coin.amountSat, coin.branch, coin.index]));
        expect(
          decoded.value.payments.map(({ index, amountSat, scriptPubKey }) => [index, amountSat, toHex(scriptPubKey)]),
        ).toEqual(payments.map(({ amountSat }, nth) => [nth, amountSat, toHex(scripts[nth] ?? payee)]));
        const change =
          changeSat === null
            ? []
            : [{ index: payments.length, branch: 1, pathIndex: changeIndex, amountSat: changeSat }];
        expect(decoded.value.change).toEqual(change);
        expect(decoded.value.own).toEqual([]);
        expect([decoded.value.feeSat, decoded.value.vbytes]).toEqual([feeSat, vbytes]);

        const inputSat = inputs.reduce((sum, { amountSat }) => sum + amountSat, 0n);
        const outputSat = payments.reduce((sum, { amountSat }) => sum + amountSat, changeSat ?? 0n);
        expect(inputSat).toBe(outputSat + feeSat);
        expect(inputs.map(outpointOf).slice(0, requiredOutpoints.length)).toEqual(requiredOutpoints);

        // The rate is met, and exceeded by less than a satoshi, or by what was too little to become change worth its cost.
        const leastSat = (BigInt(vbytes) * BigInt(Math.ceil(feeRateSatPerVbyte * 1000)) + 999n) / 1000n;
        expect(feeSat >= leastSat).toBe(true);
        if (changeSat !== null) expect(feeSat).toBe(leastSat);
        const changeVbytes =
          payoutVbytes(1, [...scripts, deriveScript(wallet, 1, 0).scriptPubKey]) - payoutVbytes(1, scripts);
        const changeCostSat = BigInt(Math.ceil((changeVbytes + 1) * feeRateSatPerVbyte * 1.001)) + 2n;
        const laterSat = 1_045n;
        const excessSat = feeSat - leastSat;
        expect(excessSat < 330n + changeCostSat || excessSat <= smaller(changeCostSat + laterSat, leastSat)).toBe(true);
      }),
      { numRuns: 120, endOnFailure: true },
    );
    expect(planned).toBeGreaterThan(40);
  });

  it("is the same for the same request", () => {
    expect(toHex(plan().psbt)).toBe(toHex(plan().psbt));
  });

  it("is the same in whatever order the coins came, equal amounts among them", () => {
    const coins = [...base.coins, ...[7, 8, 9].map((salt) => makeCoin(wallet, 0, salt, 1_000_000n, salt))];
    const payments = [payTo(payee, 4_800_000n)];
    const txid = plan({ coins, payments }).txid;
    fc.assert(
      fc.property(fc.shuffledSubarray(coins, { minLength: coins.length }), (shuffled) => {
        expect(plan({ coins: shuffled, payments }).txid).toBe(txid);
      }),
      { numRuns: 40 },
    );
  });

  it("prefers coins whose transactions are small when the others are too large to be carried", () => {
    const bulky = (salt: number) => {
      const previousTransaction = makeTransaction(
        [
          { amountSat: 1n, scriptPubKey: new Uint8Array(400_000) },
          { amountSat: 3_000_000n, scriptPubKey: deriveScript(wallet, 0, 0).scriptPubKey },
        ],
        salt,
      );
      const parsed = parseTransaction(previousTransaction, "either");
      const txid = parsed.ok ? parsed.value.txid : "";
      return { txid, vout: 1, amountSat: 3_000_000n, branch: 0, index: 0, previousTransaction } as const;
    };
    const large = [bulky(21), bulky(22), bulky(23)];
    const of = (amountSat: bigint, more: Partial<PlanRequest> = {}) =>
      plan({ coins: [...large, ...base.coins], payments: [payTo(payee, amountSat)], ...more }).inputs.length;
    expect(of(2_500_000n)).toBe(1);
    expect(of(2_500_000n, { wantedPsbtBytes: 100_000 })).toBe(2);
    expect(of(3_900_000n, { wantedPsbtBytes: 100_000 })).toBe(2);
    // Three of the large ones do not fit into one PSBT, two of them and a small one do.
    expect(of(7_000_000n)).toBe(3);
    expect(
      planPayout({ ...base, coins: [...large, ...base.coins], payments: [payTo(payee, 11_000_000n)] }),
    ).toMatchObject({ refusal: { code: "TOO_LARGE" } });
  });

  it("takes the required coins first and in their order, then the smallest that suffice", () => {
    const [first, second, third] = base.coins as readonly [Coin, Coin, Coin];
    expect(plan().inputs).toEqual([second]);
    expect(plan({ plain: true }).inputs).toEqual([third]);
    expect(plan({ requiredOutpoints: [outpointOf(second)] }).inputs).toEqual([second]);
    expect(plan({ requiredOutpoints: [outpointOf(second), outpointOf(first)] }).inputs).toEqual([second, first]);
    expect(plan({ requiredOutpoints: [outpointOf(second)], payments: [payTo(payee, 2_400_000n)] }).inputs).toEqual([
      second,
      third,
    ]);
  });

  it("leaves the change out when it would be dust, and gives it to the fee", () => {
    const [coin] = base.coins as readonly [Coin];
    const alone = (amountSat: bigint) => plan({ coins: [coin], payments: [payTo(payee, amountSat)] });
    const withChangeSat = BigInt(payoutVbytes(1, [payee, deriveScript(wallet, 1, 5).scriptPubKey])) * 3n;
    expect(alone(1_000_000n - withChangeSat - 330n)).toMatchObject({ changeSat: 330n, feeSat: withChangeSat });
    expect(alone(1_000_000n - withChangeSat - 329n)).toMatchObject({ changeSat: null, feeSat: withChangeSat + 329n });
    const withoutChangeSat = BigInt(payoutVbytes(1, [payee])) * 3n;
    expect(alone(1_000_000n - withoutChangeSat)).toMatchObject({ changeSat: null, feeSat: withoutChangeSat });
    expect(
      planPayout({ ...base, coins: [coin], payments: [payTo(payee, 1_000_001n - withoutChangeSat)] }),
    ).toMatchObject({
      refusal: { code: "INSUFFICIENT_FUNDS" },
    });
  });

  it("leaves the change out when it costs more than it brings, if that does not double the fee", () => {
    const [coin] = base.coins as readonly [Coin];
    const payments = Array.from({ length: 40 }, (_, nth) => payTo(payee, 20_000n, nth));
    const scripts = new Array<Uint8Array>(40).fill(payee);
    const alone = (restSat: bigint, change: Partial<PlanRequest> = {}) => {
      const last = payTo(payee, 1_000_000n - 800_000n - restSat, 40);
      return plan({ coins: [coin], payments: [...payments, last], ...change });
    };
    const neededSat = BigInt(payoutVbytes(1, [...scripts, payee])) * 3n;
    // An output of 43 vbytes now, and an input of 104.5 at 10 sat/vB some day.
    const costSat = 43n * 3n + 1_045n;
    expect(alone(neededSat + costSat)).toMatchObject({ changeSat: null, feeSat: neededSat + costSat });
    expect(alone(neededSat + costSat + 1n)).toMatchObject({ changeSat: 1_046n });
    expect(alone(neededSat + costSat, { plain: true })).toMatchObject({ changeSat: 1_045n });
    expect(alone(neededSat + costSat, { longTermFeeRateSatPerVbyte: 9 })).toMatchObject({ changeSat: 1_045n });
  });

  it("carries previous transactions without their witnesses, which prove nothing", () => {
    const [coin] = base.coins as readonly [Coin];
    const parsed = parseTransaction(coin.previousTransaction, "either");
    if (!parsed.ok) throw new Error(parsed.refusal.code);
    const witnessed = { ...coin, previousTransaction: serializeWithWitnesses(parsed.value, [[new Uint8Array(5_000)]]) };
    expect(toHex(plan({ coins: [witnessed] }).psbt)).toBe(toHex(plan({ coins: [coin] }).psbt));
  });

  it("leaves room in the PSBT for the signatures", () => {
    const sizes = (filler: number) => {
      const previousTransaction = makeTransaction(
        [
          { amountSat: 1n, scriptPubKey: new Uint8Array(filler) },
          { amountSat: 1_000_000n, scriptPubKey: deriveScript(wallet, 0, 0).scriptPubKey },
        ],
        9,
      );
      const parsed = parseTransaction(previousTransaction, "either");
      const txid = parsed.ok ? parsed.value.txid : "";
      return planPayout({
        ...base,
        coins: [{ txid, vout: 1, amountSat: 1_000_000n, branch: 0, index: 0, previousTransaction }],
      });
    };
    const first = sizes(1_000_000);
    if (!first.ok) throw new Error(first.refusal.detail);
    const room = 1024 * 1024 - first.value.psbt.length;
    const signatures = 3 * 108;
    expect(sizes(1_000_000 + room - signatures).ok).toBe(true);
    expect(sizes(1_000_000 + room - signatures + 1)).toMatchObject({ refusal: { code: "TOO_LARGE" } });
  });

  it("pays two withdrawals to one address with two outputs", () => {
    const decoded = decodePayout(plan({ payments: [payTo(payee, 1_000n, 1), payTo(payee, 1_000n, 2)] }).psbt, wallet, {
      gapLimit: 10,
    });
    expect(decoded.ok && decoded.value.payments.map(({ amountSat }) => amountSat)).toEqual([1_000n, 1_000n]);
  });
});

describe("no plan is made", () => {
  const [coin, other] = base.coins as readonly [Coin, Coin];
  const many = Array.from({ length: 3_300 }, (_, nth) => payTo(payee, 294n, nth));
  const huge = makeTransaction(
    [
      { amountSat: 1n, scriptPubKey: new Uint8Array(1_100_000) },
      { amountSat: 1_000_000n, scriptPubKey: deriveScript(wallet, 0, 0).scriptPubKey },
    ],
    9,
  );
  const hugeId = parseTransaction(huge, "either");
  const cases: readonly (readonly [string, Partial<PlanRequest>, string])[] = [
    ["without payments", { payments: [] }, "NO_PAYMENTS"],
    ["with a fee rate of zero", { feeRateSatPerVbyte: 0 }, "FEE_RATE_INVALID"],
    ["with a negative fee rate", { feeRateSatPerVbyte: -1 }, "FEE_RATE_INVALID"],
    ["with a fee rate that is no number", { feeRateSatPerVbyte: Number.NaN }, "FEE_RATE_INVALID"],
    ["with no long-term fee rate", { longTermFeeRateSatPerVbyte: 0 }, "FEE_RATE_INVALID"],
    ["with an absurd fee rate", { feeRateSatPerVbyte: 1_000_001 }, "FEE_RATE_INVALID"],
    [
      "to an address of another network",
      { payments: [{ ...payTo(payee, 1_000n), address: "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa" }] },
      "ADDRESS_WRONG_NETWORK",
    ],
    [
      "to a mistyped address",
      { payments: [{ ...payTo(payee, 1_000n), address: `${payTo(payee, 1n).address.slice(0, -1)}q` }] },
      "ADDRESS_CHECKSUM",
    ],
    ["for dust", { payments: [payTo(payee, dustSat(payee) - 1n)] }, "DUST_OUTPUT"],
    ["for nothing", { payments: [payTo(payee, 0n)] }, "DUST_OUTPUT"],
    ["for a negative amount", { payments: [payTo(payee, -1n)] }, "DUST_OUTPUT"],
    ["for more than there is", { payments: [payTo(payee, 2_100_000_000_000_001n)] }, "AMOUNT_OVER_SUPPLY"],
    [
      "for more than there is together",
      { payments: [payTo(payee, 2_100_000_000_000_000n), payTo(payee, 294n)] },
      "AMOUNT_OVER_SUPPLY",
    ],
    ["from a coin twice", { coins: [coin, coin] }, "COIN_DUPLICATE"],
    [
      "from a required coin that is not there",
      { requiredOutpoints: [`${"00".repeat(32)}:0`] },
      "REQUIRED_COIN_MISSING",
    ],
    ["from no coins", { coins: [] }, "INSUFFICIENT_FUNDS"],
    ["from too little", { payments: [payTo(payee, 3_499_999n)] }, "INSUFFICIENT_FUNDS"],
    [
      "from coins that cost more than they bring",
      {
        coins: [makeCoin(wallet, 0, 0, 400n, 5), makeCoin(wallet, 0, 0, 400n, 6)],
        payments: [payTo(payee, 300n)],
        feeRateSatPerVbyte: 10,
      },
      "INSUFFICIENT_FUNDS",
    ],
    ["from a coin of another amount", { coins: [{ ...coin, amountSat: 999_999n }] }, "COIN_MISMATCH"],
    ["from a coin of another output", { coins: [{ ...coin, vout: 0 }] }, "COIN_MISMATCH"],
    ["from a coin at another index", { coins: [{ ...coin, index: 1 }] }, "COIN_MISMATCH"],
    ["from a coin on another branch", { coins: [{ ...coin, branch: 1 }] }, "COIN_MISMATCH"],
    [
      "from a coin with another's transaction",
      { coins: [{ ...coin, previousTransaction: other.previousTransaction }] },
      "COIN_MISMATCH",
    ],
    [
      "from a coin without a transaction",
      { coins: [{ ...coin, previousTransaction: new Uint8Array() }] },
      "COIN_MISMATCH",
    ],
    ["for more payments than a transaction holds", { payments: many }, "TOO_LARGE"],
    [
      "from a transaction larger than a PSBT",
      { coins: [{ ...coin, txid: hugeId.ok ? hugeId.value.txid : "", previousTransaction: huge }] },
      "TOO_LARGE",
    ],
  ];

  it.each(cases)("%s", (_, change, code) => {
    expect(planPayout(base).ok).toBe(true);
    expect(planPayout({ ...base, ...change })).toMatchObject({ ok: false, refusal: { code } });
  });
});
