// Money: an integer number of minor units with its asset, read from digits and written for people.
import { type Refusal, refusal } from "./refusals.ts";
import { ok, type Result, refused } from "./result.ts";

export type Asset = "BTC";

export type AssetRow = {
  /** Digits after the point in the form for people. */
  readonly decimals: number;
  readonly minorUnit: string;
  /** All that can ever exist, in minor units. */
  readonly supplyMinor: bigint;
  /** No output below this is relayed, whatever its script; the exact bound of a script is the chain's own affair. */
  readonly dustFloorMinor: bigint;
};

/** Bitcoin: 21 million coins of 10^8 satoshis; 294 sat is Bitcoin Core's default dust bound of a P2WPKH output. */
export const ASSETS: Readonly<Record<Asset, AssetRow>> = {
  BTC: { decimals: 8, minorUnit: "sat", supplyMinor: 2_100_000_000_000_000n, dustFloorMinor: 294n },
};

export function parseAsset(text: unknown): Result<Asset, Refusal<"ASSET_UNKNOWN">> {
  return typeof text === "string" && Object.hasOwn(ASSETS, text)
    ? ok(text as Asset)
    : refused(refusal("ASSET_UNKNOWN"));
}

export type AmountRefusal = Refusal<"AMOUNT_MALFORMED" | "AMOUNT_ZERO" | "AMOUNT_OVER_SUPPLY">;

/**
 * Reads an amount in minor units: decimal digits only, one spelling per amount (no sign, no leading zero), above zero
 * and within the asset's supply. The length is bounded before conversion, because converting is not linear in it.
 */
export function parseAmount(text: unknown, asset: Asset): Result<bigint, AmountRefusal> {
  if (typeof text !== "string" || !/^(0|[1-9][0-9]*)$/.test(text)) return refused(refusal("AMOUNT_MALFORMED"));
  if (text === "0") return refused(refusal("AMOUNT_ZERO"));
  const { supplyMinor } = ASSETS[asset];
  if (text.length > supplyMinor.toString().length) return refused(refusal("AMOUNT_OVER_SUPPLY"));
  const amountMinor = BigInt(text);
  return amountMinor > supplyMinor ? refused(refusal("AMOUNT_OVER_SUPPLY")) : ok(amountMinor);
}

/** Writes minor units for people, with every decimal and the asset: 150000n → "0.00150000 BTC". */
export function formatAmount(amountMinor: bigint, asset: Asset): string {
  const { decimals } = ASSETS[asset];
  const digits = (amountMinor < 0n ? -amountMinor : amountMinor).toString().padStart(decimals + 1, "0");
  const point = digits.length - decimals;
  return `${amountMinor < 0n ? "-" : ""}${digits.slice(0, point)}.${digits.slice(point)} ${asset}`;
}
