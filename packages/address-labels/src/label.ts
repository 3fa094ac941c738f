// A label, and the two words that it is on disk beside its address's key.

export const TIERS = ["white", "grey", "black"] as const;
export type Tier = (typeof TIERS)[number];

/** What one source says of one address. The sources of an address stand side by side: none hides another. */
export type Label = {
  readonly tier: Tier;
  readonly category: string;
  readonly source: string;
  /** 0 to 100. */
  readonly confidence: number;
  /** Since when the source says so; whole seconds. */
  readonly sinceMs: number;
};

/** In a delta: this source has no label for the address any more. */
export const REMOVED = 0;

export const LAST_SINCE_MS = 0xffff_ffff * 1_000;
export const CATEGORIES_MAX = 2_048;
export const SOURCES_MAX = 4_096;
export const NAME = /^[a-z0-9][a-z0-9._:-]{0,63}$/;

/** Tier in 2 bits, confidence in 7, category in 11, source in 12: by the numbers of a segment's own names. */
export function pack(tier: Tier | "removed", confidence: number, category: number, source: number): number {
  const number = tier === "removed" ? REMOVED : TIERS.indexOf(tier) + 1;
  return (number | (confidence << 2) | (category << 9) | (source << 20)) >>> 0;
}

export const tierNumber = (packed: number): number => packed & 3;
export const confidenceOf = (packed: number): number => (packed >>> 2) & 0x7f;
export const categoryOf = (packed: number): number => (packed >>> 9) & 0x7ff;
export const sourceOf = (packed: number): number => packed >>> 20;

export function tierOf(packed: number): Tier | null {
  return TIERS[tierNumber(packed) - 1] ?? null;
}

/** The tier that counts when sources differ. */
export function strictestTier(labels: readonly Pick<Label, "tier">[]): Tier | null {
  return TIERS.findLast((tier) => labels.some((label) => label.tier === tier)) ?? null;
}
