// What a bad line does to the chunks that pass it, all of it at once and each by its own chance; seeded and counted.
import type { Random } from "./generator.ts";

/** How likely each is for one chunk. */
export interface Impairment {
  readonly flipped: number;
  readonly dropped: number;
  readonly doubled: number;
  readonly reordered: number;
  readonly truncated: number;
  readonly cuts: number;
  readonly stalls: number;
}

export type ImpairmentCounts = { -readonly [Fault in keyof Impairment]: number };

export const NO_IMPAIRMENT: Impairment = {
  flipped: 0,
  dropped: 0,
  doubled: 0,
  reordered: 0,
  truncated: 0,
  cuts: 0,
  stalls: 0,
};

export const TEN_PERCENT_OF_EVERYTHING: Impairment = {
  flipped: 0.1,
  dropped: 0.1,
  doubled: 0.1,
  reordered: 0.1,
  truncated: 0.1,
  cuts: 0.1,
  stalls: 0.1,
};

export const STALL_MS = 2_000;
/** A chunk that is overtaken comes so much later at most. */
const LATE_MS = 40;

/** What becomes of one chunk. */
export interface Passage {
  /** In the order of the line, except for those that are late. */
  readonly pieces: readonly { readonly bytes: Uint8Array; readonly lateMs: number }[];
  /** The line stands still for so long before anything else passes. */
  readonly stallMs: number;
  /** The connection ends here, and what is on its way is lost. */
  readonly cut: boolean;
}

export function passChunk(
  random: Random,
  impairment: Impairment,
  counts: ImpairmentCounts,
  chunk: Uint8Array,
): Passage {
  const happens = (fault: keyof Impairment): boolean => {
    const does = random.chance(impairment[fault]);
    if (does) counts[fault]++;
    return does;
  };
  let bytes = new Uint8Array(chunk);
  if (happens("flipped")) {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
  }
  if (happens("truncated")) bytes = bytes.subarray(0, random.below(bytes.length));
  const stallMs = happens("stalls") ? STALL_MS : 0;
  const cut = happens("cuts");
  if (happens("dropped")) return { pieces: [], stallMs, cut };
  const lateMs = happens("reordered") ? 1 + random.below(LATE_MS) : 0;
  const pieces = [{ bytes, lateMs }];
  if (happens("doubled")) pieces.push({ bytes, lateMs: random.below(LATE_MS) });
  return { pieces, stallMs, cut };
}
