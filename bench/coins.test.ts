// The comparison of `pnpm bench:coins` on paper: the year is the same for the same seed, and our choice is worth its code.
import { planPayout } from "@sluice/chains";
import { clear, fund, makeSeals, makeWallet, request } from "@sluice/signing-fixtures";
import { describe, expect, it } from "vitest";
import { accountOf } from "./coins-account.ts";
import { payOnPaper } from "./coins-paper.ts";
import { makeYear, YEAR } from "./coins-year.ts";

const { descriptor } = makeWallet().wallet;
/** Of a task: two thirds of the 1 MiB that a message on the bridge has, because signatures make it grow. */
const MAX_REQUEST_BYTES = 699_050;
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

describe("a batch of 100 with its clearances", () => {
  it("fits into a message of the bridge, with coins from transactions of a hundred outputs", () => {
    const seals = makeSeals();
    const requests = Array.from({ length: 100 }, (_, at) =>
      request(`018f3c5e-1111-7000-8000-${String(at).padStart(12, "0")}`),
    );
    const clearanceBytes = requests.reduce((sum, one) => sum + clear(seals, one).length, 0);
    const payments = requests.map(({ id, address }) => ({ withdrawalId: id, address, amountSat: 100_000n }));
    const coins = Array.from({ length: 40 }, (_, at) => fund({ descriptor }, 300_000n, at % 20));
    const planned = planPayout({ wallet: descriptor, coins, payments, changeIndex: 0, feeRateSatPerVbyte: 20 });
    if (!planned.ok) throw new Error(planned.refusal.code);
    const { psbt, inputs } = planned.value;
    const inputBytes = (psbt.length - 4_000) / inputs.length;
    // A payout of a hundred outputs, whose change such a coin may be, has some 3,500 bytes.
    const room = MAX_REQUEST_BYTES - clearanceBytes - 4_000;
    const most = Math.floor(room / (inputBytes + 3_500));
    console.log(
      `100 clearances: ${clearanceBytes} bytes; a PSBT of ${inputs.length} inputs: ${psbt.length}; room for ${most} such coins`,
    );
    expect(clearanceBytes + psbt.length).toBeLessThan(MAX_REQUEST_BYTES);
    expect(most).toBeGreaterThan(100);
  });
});
