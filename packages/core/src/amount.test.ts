// Amounts: one spelling per amount, and nothing that is no money.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ASSETS, formatAmount, parseAmount, parseAsset } from "./amount.ts";

describe("parseAmount", () => {
  test.each([
    ["1", 1n],
    ["150000", 150_000n],
    ["2100000000000000", 2_100_000_000_000_000n],
  ])("reads %s", (text, amountMinor) => {
    expect(parseAmount(text, "BTC")).toEqual({ ok: true, value: amountMinor });
  });

  test.each([
    ["", "AMOUNT_MALFORMED"],
    [" 1", "AMOUNT_MALFORMED"],
    ["1 ", "AMOUNT_MALFORMED"],
    ["1\n", "AMOUNT_MALFORMED"],
    ["+1", "AMOUNT_MALFORMED"],
    ["-1", "AMOUNT_MALFORMED"],
    ["01", "AMOUNT_MALFORMED"],
    ["00", "AMOUNT_MALFORMED"],
    ["1.0", "AMOUNT_MALFORMED"],
    ["1e8", "AMOUNT_MALFORMED"],
    ["0x10", "AMOUNT_MALFORMED"],
    ["1_000", "AMOUNT_MALFORMED"],
    ["١", "AMOUNT_MALFORMED"],
    ["NaN", "AMOUNT_MALFORMED"],
    [1, "AMOUNT_MALFORMED"],
    [1n, "AMOUNT_MALFORMED"],
    [null, "AMOUNT_MALFORMED"],
    [undefined, "AMOUNT_MALFORMED"],
    [["1"], "AMOUNT_MALFORMED"],
    ["0", "AMOUNT_ZERO"],
    ["2100000000000001", "AMOUNT_OVER_SUPPLY"],
    ["9".repeat(100_000), "AMOUNT_OVER_SUPPLY"],
  ])("refuses %o", (text, code) => {
    expect(parseAmount(text, "BTC")).toMatchObject({ ok: false, refusal: { code } });
  });

  test("any text is either refused or is exactly the digits of the amount", () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{1,20}$/), fc.bigInt().map(String));
    fc.assert(
      fc.property(texts, (text) => {
        const amount = parseAmount(text, "BTC");
        if (!amount.ok) return;
        expect(amount.value.toString()).toBe(text);
        expect(amount.value > 0n && amount.value <= ASSETS.BTC.supplyMinor).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("formatAmount", () => {
  test.each([
    [150_000n, "0.00150000 BTC"],
    [0n, "0.00000000 BTC"],
    [1n, "0.00000001 BTC"],
    [-1n, "-0.00000001 BTC"],
    [100_000_000n, "1.00000000 BTC"],
    [2_100_000_000_000_000n, "21000000.00000000 BTC"],
  ])("writes %s", (amountMinor, text) => {
    expect(formatAmount(amountMinor, "BTC")).toBe(text);
  });

  test("what is written can be read back", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: ASSETS.BTC.supplyMinor }), (amountMinor) => {
        const digits = formatAmount(amountMinor, "BTC").replace(" BTC", "").replace(".", "").replace(/^0+/, "");
        expect(parseAmount(digits, "BTC")).toEqual({ ok: true, value: amountMinor });
      }),
    );
  });
});

test.each(["btc", "ETH", "", "toString", "__proto__", null, 1])("no asset: %j", (text) => {
  expect(parseAsset(text)).toMatchObject({ ok: false, refusal: { code: "ASSET_UNKNOWN" } });
});

test("BTC is an asset", () => {
  expect(parseAsset("BTC")).toEqual({ ok: true, value: "BTC" });
});
