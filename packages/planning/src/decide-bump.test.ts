// Bumps: a replacement pays the same to the same, from the same coins, what nodes ask for and no more than is allowed; a
// child lifts what is above it to the wanted rate; and what cannot be done says why.
import { type Coin, decodePayout, outpointOf, planPayout } from "@sluice/chains";
import { DESTINATION, fund, makeWallet } from "@sluice/signing-fixtures";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BumpCaps, type ChainEnd, childFeeSat, decideBump, type StuckTransaction } from "./decide-bump.ts";

const { wallet } = makeWallet(20);
const caps: BumpCaps = {
  ...{ maxFeeSat: 100_000n, maxFeeRateSatPerKvbyte: 200_000n, maxFeePercent: 50, maxBumps: 3 },
};

const payments = [100_000n, 60_000n].map((amountSat, at) => ({
  withdrawalId: `w${at}`,
  address: DESTINATION,
  amountSat,
}));

function stuckWith(inputs: readonly Coin[], changes: Partial<StuckTransaction> = {}, rate = 1): StuckTransaction {
  const original = planPayout({
    ...{ wallet: wallet.descriptor, coins: inputs, requiredOutpoints: inputs.map(outpointOf) },
    ...{ payments, changeIndex: 4, feeRateSatPerVbyte: rate },
  });
  if (!original.ok) throw new Error(original.refusal.detail);
  const { feeSat, vbytes } = original.value;
  return {
    ...{ wallet, feeSat, vbytes, payments, inputs, changeIndex: 4, changeInUse: false, code: "FEE_TOO_LOW" },
    ...{ wantedSatPerKvbyte: 20_000n, replacementFeeSat: feeSat + BigInt(vbytes), descendants: 0, bumps: 0 },
    ...{ ancestors: [], lifted: false },
    ...changes,
  };
}

const decoded = (psbt: Uint8Array) => {
  const read = decodePayout(psbt, wallet.descriptor, { gapLimit: 20 });
  if (!read.ok) throw new Error(read.refusal.detail);
  return read.value;
};
const two = [fund(wallet, 120_000n, 1), fund(wallet, 150_000n, 2)];
const endOf = (change: Coin, ancestors: ChainEnd["ancestors"] = [{ feeSat: 300n, vbytes: 300 }]): ChainEnd => ({
  ...{ change, ancestors, changeIndex: 9 },
});
const codeOf = (changes: Partial<StuckTransaction>, capped: Partial<BumpCaps> = {}, end: ChainEnd | null = null) => {
  const decision = decideBump(stuckWith(two, changes), { ...caps, ...capped }, [], end);
  return decision.kind === "wait" ? decision.code : decision.kind;
};

describe("a replacement", () => {
  it("pays the same to the same in the same order, from the same inputs first, within what is asked and allowed", () => {
    const seen = { replaced: 0, extended: 0, waited: new Set<string>() };
    const request = fc.record({
      // Some with so little above the payments that the change does not pay for much.
      amounts: fc.tuple(
        fc.constant(90_000n),
        fc.oneof(...[4_000n, 400_000n].map((max) => fc.bigInt({ min: 1_000n, max }))),
      ),
      free: fc.array(fc.bigInt({ min: 400n, max: 300_000n }), { maxLength: 3 }),
      wantedSatPerKvbyte: fc.bigInt({ min: 500n, max: 300_000n }),
      overSat: fc.bigInt({ min: 0n, max: 60_000n }),
      maxFeeSat: fc.bigInt({ min: 1_000n, max: 100_000n }),
    });
    fc.assert(
      fc.property(request, ({ amounts, free, wantedSatPerKvbyte, overSat, maxFeeSat }) => {
        const inputs = amounts.map((sat, at) => fund(wallet, at === 0 ? sat : 70_000n + sat, at));
        const coins = free.map((sat, at) => fund(wallet, sat, at + 10));
        const original = stuckWith(inputs);
        const stuck = { ...original, wantedSatPerKvbyte, replacementFeeSat: original.replacementFeeSat + overSat };
        const decision = decideBump(stuck, { ...caps, maxFeeSat }, coins, null);
        if (decision.kind !== "replace") {
          seen.waited.add(decision.kind === "wait" ? decision.code : "child");
          return;
        }
        const found = decoded(decision.plan.psbt);
        expect(found.payments.map(({ amountSat }) => amountSat)).toEqual(payments.map(({ amountSat }) => amountSat));
        const spent = found.inputs.map(({ outpoint }) => outpoint);
        expect(spent.slice(0, inputs.length)).toEqual(inputs.map(outpointOf));
        expect(spent.slice(inputs.length).every((each) => coins.map(outpointOf).includes(each))).toBe(true);
        expect(found.feeSat >= stuck.replacementFeeSat && found.feeSat <= maxFeeSat).toBe(true);
        expect(found.feeSat * BigInt(stuck.vbytes) > stuck.feeSat * BigInt(found.vbytes)).toBe(true);
        expect(found.feeSat * 1000n <= caps.maxFeeRateSatPerKvbyte * BigInt(found.vbytes)).toBe(true);
        expect(found.change.every(({ pathIndex }) => pathIndex === 4)).toBe(true);
        seen.replaced += 1;
        if (spent.length > inputs.length) seen.extended += 1;
      }),
      { numRuns: 60 },
    );
    expect(Math.min(seen.replaced, seen.extended)).toBeGreaterThan(0);
    expect([...seen.waited].toSorted()).toEqual(expect.arrayContaining(["FEE_IS_ENOUGH", "FEE_OVER_CAP"]));
  });

  it("goes up to the cap when more is wanted than is allowed", () => {
    const decision = decideBump(stuckWith(two, { wantedSatPerKvbyte: 900_000n }), caps, [], null);
    if (decision.kind !== "replace") throw new Error(JSON.stringify(decision));
    const { feeSat, vbytes } = decision.plan;
    expect(feeSat).toBe((caps.maxFeeRateSatPerKvbyte * BigInt(vbytes)) / 1000n);
  });

  it("pays for a payee's children while that is within the caps", () => {
    const stuck = stuckWith(two, { descendants: 3, replacementFeeSat: 15_000n });
    const decision = decideBump(stuck, caps, [], null);
    if (decision.kind !== "replace") throw new Error(JSON.stringify(decision));
    expect(decision.plan.feeSat >= 15_000n).toBe(true);
  });
});

describe("of what it builds on and what it takes in addition", () => {
  it("pays for its ancestors too, so that a block takes them together", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ feeSat: fc.bigInt({ min: 0n, max: 900n }), vbytes: fc.integer({ min: 100, max: 400 }) }), {
          maxLength: 4,
        }),
        (ancestors) => {
          const decision = decideBump(stuckWith(two, { ancestors }), { ...caps, maxFeePercent: 100 }, [], null);
          if (decision.kind !== "replace") throw new Error(JSON.stringify(decision));
          const all = [...ancestors, decision.plan];
          const feeSat = all.reduce((sum, each) => sum + each.feeSat, 0n);
          const vbytes = all.reduce((sum, each) => sum + each.vbytes, 0);
          expect(feeSat * 1_000n >= 20_000n * BigInt(vbytes)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("takes the smallest coin that will do, and several only when none does alone", () => {
    const tight = [fund(wallet, 110_000n, 1), fund(wallet, 51_600n, 2)];
    const spentWith = (free: readonly bigint[]) => {
      const coins = free.map((sat, at) => fund(wallet, sat, at + 10));
      const decision = decideBump(stuckWith(tight, {}, 2), caps, coins, null);
      if (decision.kind !== "replace") throw new Error(JSON.stringify(decision));
      return decision.plan.inputs.slice(2).map(({ amountSat }) => amountSat);
    };
    expect(spentWith([900_000n, 30_000n, 1_000n, 60_000n])).toEqual([30_000n]);
    expect(spentWith([5_000n, 4_000n, 4_900n])).toEqual([5_000n, 4_900n]);
  });
});

describe("what cannot be done says why", () => {
  const change = fund(wallet, 80_000n, 4, 1);
  it.each<[string, Partial<StuckTransaction>, Partial<BumpCaps>, ChainEnd | null]>([
    ["BUMPED_TOO_OFTEN", { bumps: 3 }, {}, null],
    ["FEE_IS_ENOUGH", { wantedSatPerKvbyte: 900n }, {}, null],
    ["FEE_IS_ENOUGH", { wantedSatPerKvbyte: 900n, code: "NOT_IN_MEMPOOL" }, {}, null],
    ["FEE_IS_ENOUGH", { ancestors: [{ feeSat: 90_000n, vbytes: 200 }] }, {}, null],
    ["FEE_IS_ENOUGH", { lifted: true, changeInUse: true }, {}, endOf(change)],
    ["FEE_OVER_CAP", {}, { maxFeeSat: 400n }, null],
    ["FEE_OVER_CAP", {}, { maxFeePercent: 0 }, null],
    ["PINNED", { descendants: 2, replacementFeeSat: 90_000_000n }, {}, null],
    ["CHANGE_IN_USE", { changeInUse: true }, {}, null],
    ["NOT_REPLACEABLE", { payments: [] }, {}, null],
    ["child", { payments: [] }, {}, endOf(change)],
    [
      "INSUFFICIENT_FUNDS",
      { replacementFeeSat: 110_001n },
      { maxFeeSat: 150_000n, maxFeePercent: 100, maxFeeRateSatPerKvbyte: 900_000n },
      null,
    ],
    ["replace", {}, {}, null],
    ["child", { changeInUse: true }, {}, endOf(change)],
    ["child", { descendants: 2, replacementFeeSat: 90_000_000n }, {}, endOf(change)],
    ["child", { ancestors: [{ feeSat: 0n, vbytes: 1_000 }] }, { maxFeePercent: 5 }, endOf(change)],
    ["replace", { ancestors: [{ feeSat: 0n, vbytes: 1_000 }] }, { maxFeePercent: 5 }, null],
    ["replace", { ancestors: [{ feeSat: 0n, vbytes: 1_000 }] }, {}, endOf(change)],
    ["FEE_OVER_CAP", { changeInUse: true }, { maxFeeSat: 2_000n }, endOf(change)],
    ["INSUFFICIENT_FUNDS", { changeInUse: true }, {}, endOf(fund(wallet, 1_000n, 4, 1))],
  ])("%s", (code, changes, capped, end) => expect(codeOf(changes, capped, end)).toBe(code));
});

describe("a child", () => {
  it("lifts itself and all above it to the wanted rate, in whole satoshis, and pays no more than one vbyte's rounding", () => {
    const ancestor = fc.record({
      feeSat: fc.bigInt({ min: 0n, max: 50_000n }),
      vbytes: fc.integer({ min: 100, max: 20_000 }),
    });
    const rates = fc.bigInt({ min: 1n, max: 1_000_000n });
    let lifted = 0;
    fc.assert(
      fc.property(
        fc.array(ancestor, { maxLength: 24 }),
        fc.integer({ min: 100, max: 2_000 }),
        rates,
        (above, own, wanted) => {
          const feeSat = childFeeSat(above, own, wanted);
          const size = BigInt(above.reduce((sum, { vbytes }) => sum + vbytes, own));
          const paid = above.reduce((sum, each) => sum + each.feeSat, feeSat);
          expect(paid * 1000n >= wanted * size).toBe(true);
          expect(feeSat >= BigInt(own)).toBe(true);
          if (feeSat === BigInt(own)) return;
          expect((paid - 1n) * 1000n < wanted * size).toBe(true);
          lifted += 1;
        },
      ),
    );
    expect(lifted).toBeGreaterThan(20);
  });

  it("spends the change, takes further coins only when it has to, and gives everything back to the wallet", () => {
    const small = fund(wallet, 1_500n, 4, 1);
    const free = [fund(wallet, 90_000n, 11), fund(wallet, 40_000n, 12)];
    const stuck = stuckWith(two, { changeInUse: true });
    const ancestors = [
      { feeSat: 400n, vbytes: 400 },
      { feeSat: 250n, vbytes: 250 },
    ];
    for (const [change, inputs] of [
      [fund(wallet, 80_000n, 4, 1), 1],
      [small, 2],
    ] as const) {
      const decision = decideBump(stuck, caps, free, endOf(change, ancestors));
      if (decision.kind !== "child") throw new Error(JSON.stringify(decision));
      const found = decoded(decision.plan.psbt);
      expect(found.inputs.map(({ outpoint }) => outpoint)).toEqual([change, ...free].slice(0, inputs).map(outpointOf));
      expect([found.payments, found.own, found.change.map(({ pathIndex }) => pathIndex)]).toEqual([[], [], [9]]);
      const wanted = stuck.wantedSatPerKvbyte * BigInt(650 + found.vbytes);
      expect((found.feeSat + 650n) * 1000n >= wanted).toBe(true);
    }
  });
});
