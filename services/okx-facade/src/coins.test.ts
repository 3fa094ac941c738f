// Amounts in coins: each has one meaning to the satoshi, and whatever is not plainly one is none.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCoins, writeCoins } from "./coins.ts";

describe("an amount in coins", () => {
  it.each<[string, bigint]>([
    ["0.00000001", 1n],
    ["0.001", 100_000n],
    ["0.00100000", 100_000n],
    ["1", 100_000_000n],
    ["20999999.9769", 2_099_999_997_690_000n],
  ])("%s is read", (text, satoshi) => expect(readCoins(text)).toBe(satoshi));

  it.each([
    ...[
      "0.000000001",
      "0.000000000",
      "0.123456789",
      "1e-8",
      "1E3",
      "+1",
      "-1",
      "-0.1",
      " 1",
      "1 ",
      "1\n",
      "01",
      "00.1",
    ],
    ...[".1", "1.", "1,5", "1_000", "0x10", "Infinity", "NaN", "", "0", "0.0", "0.00000000", "١", "123456789", "1.0.0"],
  ])("%o is none", (text) => expect(readCoins(text)).toBeNull());

  it("comes back as it was written, for every amount that there can be", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2_100_000_000_000_000n }), (satoshi) => {
        const text = writeCoins(satoshi);
        expect(text).not.toMatch(/[e+-]|\.[0-9]*0$|\.$/);
        expect(readCoins(text)).toBe(satoshi);
      }),
    );
  });
});
