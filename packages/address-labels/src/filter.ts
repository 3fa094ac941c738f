// In front of a small segment: most keys that it has not are told so without a read. What it lets through is looked up all the same.
import { BLOCK_HEAD_WORDS, RECORD_WORDS } from "./format.ts";
import type { LabelKey } from "./key.ts";
import type { Segment } from "./segment.ts";

/** Larger ones take too long to be read when they are opened, and are few. */
export const FILTERED_RECORDS = 1_000_000;
const BITS_PER_RECORD = 16;
const PROBES = [1, 2, 3, 4] as const;

/** False only for keys that are not there; true for about one in 400 of these, too (a Bloom filter of 16 bits and 4 probes). */
export function filterOf(segment: Segment): (key: LabelKey) => boolean {
  const { records } = segment.content.body;
  if (records > FILTERED_RECORDS) return () => true;
  const bits = 2 ** Math.ceil(Math.log2(Math.max(64, records * BITS_PER_RECORD)));
  const words = new Uint32Array(bits / 32);
  const mask = bits - 1;
  for (const { words: block, records: held } of segment.scan()) {
    for (let record = 0; record < held; record += 1) {
      const at = BLOCK_HEAD_WORDS + record * RECORD_WORDS;
      for (const probe of PROBES) {
        const bit = (block[at + probe] ?? 0) & mask;
        words[bit >>> 5] = (words[bit >>> 5] ?? 0) | (1 << (bit & 31));
      }
    }
  }
  return (key) => PROBES.every((probe) => isSet(words, (key[probe] ?? 0) & mask));
}

function isSet(words: Uint32Array, bit: number): boolean {
  return ((words[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
}
