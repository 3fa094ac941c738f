// Amounts as OKX writes them, in coins with a decimal point, and as everything here counts them, in satoshi. No floating point.
const DECIMALS = 8;
const SATOSHI = 10n ** BigInt(DECIMALS);

/** Null for whatever is not one plain positive number of at most eight decimals: no sign, exponent, space or bare point. */
export function readCoins(text: string): bigint | null {
  const [, whole = "", fraction = ""] = /^(0|[1-9][0-9]{0,7})(?:\.([0-9]{1,8}))?$/.exec(text) ?? [];
  if (whole === "") return null;
  const satoshi = BigInt(whole) * SATOSHI + BigInt(fraction.padEnd(DECIMALS, "0"));
  return satoshi > 0n ? satoshi : null;
}

/** Without zeros at the end, as OKX does. */
export function writeCoins(satoshi: bigint): string {
  const fraction = (satoshi % SATOSHI).toString().padStart(DECIMALS, "0").replace(/0+$/, "");
  return fraction === "" ? `${satoshi / SATOSHI}` : `${satoshi / SATOSHI}.${fraction}`;
}
