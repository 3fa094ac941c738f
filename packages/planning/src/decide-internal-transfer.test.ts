// When coins are tidied: many small ones while it is cheap, few large ones when payouts would queue for them.
import { outpointOf, planInternalTransfer } from "@sluice/chains";
import { fund, makeWallet } from "@sluice/signing-fixtures";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideInternalTransfer, type InternalTransferRequest } from "./decide-internal-transfer.ts";

const { wallet } = makeWallet(200);
const policy = {
  ...{ smallCoinSat: 100_000n, consolidateCoins: 4, consolidateBelowPercent: 50, keepFreeCoins: 3 },
  ...{ maxFeeSat: 20_000n, maxFeeRateSatPerKvbyte: 20_000n, maxOutputs: 5 },
};
const coinsOf = (...amounts: readonly bigint[]) => amounts.map((sat, at) => fund(wallet, sat, at));
const request = (changes: Partial<InternalTransferRequest>): InternalTransferRequest => ({
  ...{ coins: [], feeRateSatPerKvbyte: 2_000n, longTermSatPerKvbyte: 10_000n, underWay: 0, waitingSat: 0n, policy },
  ...changes,
});
const kindOf = (changes: Partial<InternalTransferRequest>) => {
  const decided = decideInternalTransfer(request(changes));
  return decided === null ? null : `${decided.kind} ${decided.inputs.length} to ${decided.outputs}`;
};
const large = coinsOf(900_000n, 900_000n, 900_000n);
const small = coinsOf(30_000n, 40_000n, 50_000n, 60_000n, 70_000n);

describe("an internal transfer", () => {
  it.each<[string, Partial<InternalTransferRequest>, string | null]>([
    ["nothing to tidy", { coins: large }, null],
    ["many small coins, and it is cheap", { coins: [...large, ...small] }, "consolidation 4 to 1"],
    ["it is not cheap", { coins: [...large, ...small], feeRateSatPerKvbyte: 5_001n }, null],
    ["just cheap enough", { coins: [...large, ...small], feeRateSatPerKvbyte: 5_000n }, "consolidation 4 to 1"],
    ["no history", { coins: [...large, ...small], longTermSatPerKvbyte: null }, null],
    ["too few small coins", { coins: [...large, ...small.slice(0, 3)] }, null],
    ["coins that cost more than they are worth", { coins: [...large, ...coinsOf(100n, 100n, 100n, 100n)] }, null],
    [
      "the zone permits a small fee",
      { coins: [...large, ...small], policy: { ...policy, maxFeeSat: 600n } },
      "consolidation 2 to 1",
    ],
    ["the zone permits no such fee", { coins: [...large, ...small], policy: { ...policy, maxFeeSat: 100n } }, null],
    ["off", { coins: [...large, ...small], policy: { ...policy, consolidateCoins: 0 } }, null],
    ["one large coin", { coins: coinsOf(9_000_000n) }, "fan-out 1 to 3"],
    ["two", { coins: coinsOf(9_000_000n, 900_000n) }, "fan-out 1 to 2"],
    ["not large enough for all", { coins: coinsOf(250_000n) }, "fan-out 1 to 2"],
    ["too small to split", { coins: coinsOf(199_000n) }, null],
    [
      "the zone permits few outputs",
      { coins: coinsOf(9_000_000n), policy: { ...policy, maxOutputs: 2 } },
      "fan-out 1 to 2",
    ],
    ["over the zone's rate", { coins: coinsOf(9_000_000n), feeRateSatPerKvbyte: 20_001n }, null],
    ["one is under way", { coins: coinsOf(9_000_000n), underWay: 1 }, null],
    ["payouts wait for that very coin", { coins: coinsOf(9_000_000n), waitingSat: 1n }, null],
    ["others suffice for what waits", { coins: coinsOf(9_000_000n, 900_000n), waitingSat: 899_999n }, "fan-out 1 to 2"],
    ["others do not", { coins: coinsOf(9_000_000n, 900_000n), waitingSat: 900_000n }, null],
    ["off as well", { coins: coinsOf(9_000_000n), policy: { ...policy, keepFreeCoins: 0 } }, null],
  ])("%s", (_, changes, expected) => expect(kindOf(changes)).toBe(expected));

  it("takes the smallest, and splits the largest", () => {
    expect(decideInternalTransfer(request({ coins: [...large, ...small] }))?.inputs.map(outpointOf)).toEqual(
      small.slice(0, 4).map(outpointOf),
    );
    const [little, much] = coinsOf(500_000n, 9_000_000n);
    if (little === undefined || much === undefined) throw new Error("there are two");
    expect(decideInternalTransfer(request({ coins: [little, much] }))?.inputs).toEqual([much]);
  });

  it("can always be built, within the zone's limits, and a fan-out makes no coin that is small", () => {
    const made = { consolidation: 0, "fan-out": 0 };
    const amounts = fc.array(fc.oneof(fc.bigInt(300n, 99_999n), fc.bigInt(100_000n, 5_000_000n)), { maxLength: 12 });
    fc.assert(
      fc.property(
        amounts,
        fc.bigInt(1_000n, 25_000n),
        fc.bigInt(500n, 30_000n),
        (sats, feeRateSatPerKvbyte, maxFeeSat) => {
          const limits = { ...policy, maxFeeSat };
          const changes = {
            coins: coinsOf(...sats),
            feeRateSatPerKvbyte,
            longTermSatPerKvbyte: 40_000n,
            policy: limits,
          };
          const decided = decideInternalTransfer(request(changes));
          if (decided === null) return;
          made[decided.kind] += 1;
          const { inputs, outputs } = decided;
          const changeIndexes = Array.from({ length: outputs }, (_, at) => at);
          const planned = planInternalTransfer({
            ...{ wallet: wallet.descriptor, inputs, outputs, changeIndexes, feeRateSatPerKvbyte },
          });
          if (!planned.ok) throw new Error(planned.refusal.detail);
          expect(planned.value.feeSat <= maxFeeSat).toBe(true);
          expect(outputs).toBeLessThanOrEqual(policy.maxOutputs);
          if (decided.kind === "fan-out")
            expect(planned.value.outputSats.every((sat) => sat >= policy.smallCoinSat)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
    expect(Math.min(made.consolidation, made["fan-out"])).toBeGreaterThan(0);
  });
});
