// Coin selection on its own: largest first, never more than needed, never a coin that costs more than it brings.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { feeSatOf, type SelectionRequest, selectCoins } from "./coin-selection.ts";
import { standardScript } from "./script.ts";
import { payoutVbytes } from "./size.ts";

type Lot = { readonly name: string; readonly amountSat: bigint };
const payee = standardScript("p2wpkh", new Uint8Array(20));
const changeScript = standardScript("p2wsh", new Uint8Array(32));
const request = (change: Partial<SelectionRequest<Lot>>): SelectionRequest<Lot> => ({
  required: [],
  others: [],
  outputScripts: [payee],
  outputSat: 100_000n,
  changeScript,
  feeRateSatPerKvbyte: 2_000n,
  ...change,
});
const lots = (...amounts: readonly number[]) =>
  amounts.map((amount, nth) => ({ name: `lot ${nth}`, amountSat: BigInt(amount) }));
const names = (selection: ReturnType<typeof selectCoins<Lot>>) => selection?.coins.map(({ name }) => name);

describe("coin selection", () => {
  it("takes the largest first, and of equals the first that came", () => {
    expect(names(selectCoins(request({ others: lots(60_000, 70_000, 60_000) })))).toEqual(["lot 1", "lot 0"]);
    expect(names(selectCoins(request({ others: lots(10, 200_000, 200_000) })))).toEqual(["lot 1"]);
  });

  it("takes every required coin, however small, and no other when they suffice", () => {
    const [tiny, large] = lots(1, 500_000) as [Lot, Lot];
    expect(names(selectCoins(request({ required: [tiny, large], others: lots(900_000) })))).toEqual(["lot 0", "lot 1"]);
  });

  it("stops at coins that cost more than they bring", () => {
    expect(
      selectCoins(
        request({ others: [...lots(99_000), ...new Array<Lot>(50).fill({ name: "dust", amountSat: 200n })] }),
      ),
    ).toBeNull();
  });

  it("keeps the books, and dropping its last coin would not be enough", () => {
    const amount = fc.bigInt({ min: 1n, max: 200_000n });
    fc.assert(
      fc.property(
        fc.array(amount, { minLength: 1, maxLength: 12 }),
        fc.bigInt({ min: 294n, max: 300_000n }),
        fc.bigInt({ min: 1n, max: 50_000n }),
        (amounts, outputSat, feeRateSatPerKvbyte) => {
          const others = amounts.map((amountSat, nth) => ({ name: `${nth}`, amountSat }));
          const selection = selectCoins(request({ others, outputSat, feeRateSatPerKvbyte }));
          if (selection === null) return;
          const { coins, feeSat, changeSat, vbytes } = selection;
          const inputSat = coins.reduce((sum, coin) => sum + coin.amountSat, 0n);
          expect(inputSat).toBe(outputSat + feeSat + (changeSat ?? 0n));
          expect(vbytes).toBe(payoutVbytes(coins.length, changeSat === null ? [payee] : [payee, changeScript]));
          expect(feeSat >= feeSatOf(vbytes, feeRateSatPerKvbyte)).toBe(true);
          expect(changeSat === null || changeSat >= 330n).toBe(true);
          const last = coins.at(-1);
          if (coins.length < 2 || last === undefined) return;
          const without = coins.slice(0, -1);
          expect(selectCoins(request({ required: without, others: [], outputSat, feeRateSatPerKvbyte }))).toBeNull();
        },
      ),
      { numRuns: 500 },
    );
  });

  it("rounds a fee up to whole satoshis", () => {
    expect(feeSatOf(141, 1_000n)).toBe(141n);
    expect(feeSatOf(141, 1_001n)).toBe(142n);
    expect(feeSatOf(1, 1n)).toBe(1n);
  });
});
