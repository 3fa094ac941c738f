// Internal transfers: what is planned is what the decoder finds, everything goes back to the wallet, and the money adds up.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeCoin, makeTestWallet } from "../../test/holders.ts";
import { decodePayout } from "./decode.ts";
import { type InternalTransferRequest, planInternalTransfer } from "./plan-internal.ts";
import { dustSat } from "./script.ts";
import { outpointOf } from "./transaction.ts";
import { deriveScript } from "./wallet.ts";

const { wallet } = makeTestWallet("plan");
const inputs = [makeCoin(wallet, 0, 0, 40_000n, 1), makeCoin(wallet, 1, 1, 30_000n, 2)];
const base: InternalTransferRequest = { wallet, inputs, outputs: 1, changeIndexes: [3], feeRateSatPerKvbyte: 2_000n };
const codeOf = (change: Partial<InternalTransferRequest>) => {
  const planned = planInternalTransfer({ ...base, ...change });
  return planned.ok ? "PLANNED" : planned.refusal.code;
};

const anyRequest = fc
  .record({
    // One in five has small coins only, which do not pay for themselves when fees are high.
    amounts: fc.constantFrom(2_000n, ...new Array<bigint>(4).fill(5_000_000n)).chain((max) => {
      return fc.array(fc.bigInt({ min: 330n, max }), { minLength: 1, maxLength: 8 });
    }),
    indexes: fc.uniqueArray(fc.nat(19), { minLength: 1, maxLength: 6 }),
    feeRateSatPerKvbyte: fc.bigInt({ min: 1n, max: 300_000n }),
    leastFeeSat: fc.bigInt({ min: 0n, max: 100_000n }),
  })
  .map(
    ({ amounts, indexes, ...rest }): InternalTransferRequest => ({
      wallet,
      inputs: amounts.map((amountSat, at) => makeCoin(wallet, (at % 2) as 0 | 1, at, amountSat, at + 1)),
      outputs: indexes.length,
      changeIndexes: indexes,
      ...rest,
    }),
  );

describe("planInternalTransfer", () => {
  it("plans what the decoder finds: every input, nothing to anybody else, and a fee that is exactly what is missing", () => {
    const seen = { planned: 0, refused: 0, overTheLeast: 0 };
    fc.assert(
      fc.property(anyRequest, (request) => {
        const planned = planInternalTransfer(request);
        if (!planned.ok) {
          seen.refused += 1;
          expect(planned.refusal.code).toBe("INSUFFICIENT_FUNDS");
          return;
        }
        seen.planned += 1;
        const { feeSat, vbytes, outputSats, psbt, txid } = planned.value;
        const decoded = decodePayout(psbt, wallet, { gapLimit: 20 });
        if (!decoded.ok) throw new Error(decoded.refusal.detail);
        expect(decoded.value).toMatchObject({ txid, feeSat, vbytes, payments: [], own: [] });
        expect(decoded.value.inputs.map(({ outpoint }) => outpoint)).toEqual(request.inputs.map(outpointOf));
        expect(decoded.value.change.map(({ pathIndex }) => pathIndex)).toEqual(request.changeIndexes);
        expect(decoded.value.change.map(({ amountSat }) => amountSat)).toEqual(outputSats);
        const inputSat = request.inputs.reduce((sum, { amountSat }) => sum + amountSat, 0n);
        expect(outputSats.reduce((sum, amountSat) => sum + amountSat, feeSat)).toBe(inputSat);
        expect(feeSat * 1000n >= request.feeRateSatPerKvbyte * BigInt(vbytes)).toBe(true);
        expect(feeSat >= (request.leastFeeSat ?? 0n)).toBe(true);
        if (feeSat === request.leastFeeSat) seen.overTheLeast += 1;
        const least = dustSat(deriveScript(wallet, 1, 0).scriptPubKey);
        expect(outputSats.every((amountSat) => amountSat >= least)).toBe(true);
        expect(outputSats.every((amountSat) => (outputSats[0] ?? 0n) - amountSat < BigInt(outputSats.length))).toBe(
          true,
        );
      }),
      { numRuns: 150 },
    );
    expect(Math.min(seen.planned, seen.refused, seen.overTheLeast)).toBeGreaterThan(0);
  });

  it("is the same plan for the same request", () =>
    expect(planInternalTransfer(base)).toEqual(planInternalTransfer(base)));

  it.each<[string, Partial<InternalTransferRequest>]>([
    ["FEE_RATE_INVALID", { feeRateSatPerKvbyte: 0n }],
    ["INSUFFICIENT_FUNDS", { inputs: [] }],
    ["COIN_DUPLICATE", { inputs: [...inputs, ...inputs.slice(0, 1)] }],
    ["OUTPUTS_INVALID", { outputs: 0, changeIndexes: [] }],
    ["OUTPUTS_INVALID", { outputs: 2 }],
    ["OUTPUTS_INVALID", { outputs: 2, changeIndexes: [3, 3] }],
    ["INSUFFICIENT_FUNDS", { leastFeeSat: 69_900n }],
    ["COIN_MISMATCH", { inputs: inputs.map((coin) => ({ ...coin, amountSat: coin.amountSat + 1n })) }],
    ["PLANNED", {}],
  ])("%s", (code, change) => expect(codeOf(change)).toBe(code));
});
