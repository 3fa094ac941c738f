// The comparison of `pnpm bench:coins` on paper: the year is the same for the same seed, and our choice is worth its code.
import { makeWallet } from "@sluice/signing-fixtures";
import { describe, expect, it } from "vitest";
import { accountOf } from "./coins-account.ts";
import { payOnPaper } from "./coins-paper.ts";
import { makeYear, YEAR } from "./coins-year.ts";

const { descriptor } = makeWallet().wallet;
const SHORT = { ...YEAR, steps: 60, floatSat: 150_000_000n };

describe("a season of payouts on paper", () => {
  it("is made from its seed alone, with rates of 1 to 150 sat/vB and enough to pay from", () => {
    expect(makeYear(7, SHORT)).toEqual(makeYear(7, SHORT));
    expect(makeYear(7, SHORT)).not.toEqual(makeYear(8, SHORT));
    const rates = [1, 2, 3, 4].flatMap((seed) => makeYear(seed).map(({ feeRateSatPerVbyte }) => feeRateSatPerVbyte));
    expect([Math.min(...rates), Math.max(...rates)]).toEqual([1, 150]);
  });

  it("costs less than with largest first alone, now and with what is left", () => {
    const year = makeYear(3, SHORT);
    const [ours, plain] = [payOnPaper(descriptor, year), payOnPaper(descriptor, year, { plain: true })];
    console.log(`${ours.feesAndRestSat} against ${plain.feesAndRestSat} sat over ${SHORT.steps} batches`);
    expect(ours.feesAndRestSat < plain.feesAndRestSat).toBe(true);
    expect(ours.coinsLeft).toBeLessThan(plain.coinsLeft);
  });

  it("is counted: fees, inputs, what has no change, and 104.5 vbytes at 10 sat/vB for each coin that is left", () => {
    const payouts = [
      { inputs: 2, feeSat: 500n, changeless: true, vbytes: 250 },
      { inputs: 1, feeSat: 300n, changeless: false, vbytes: 150 },
    ];
    expect(accountOf(payouts, 3)).toEqual({
      feesSat: 800n,
      inputs: 3,
      vbytes: 400,
      changelessPercent: 50,
      coinsLeft: 3,
      feesAndRestSat: 3_935n,
    });
  });
});
