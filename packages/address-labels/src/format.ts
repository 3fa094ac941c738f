// The layout of a segment: a page for its head, blocks of sorted records, an index of the blocks, the names that records number.
import { endianness } from "node:os";
import { crc32 } from "node:zlib";
import { z } from "zod";
import { KEY_WORDS } from "./key.ts";
import { CATEGORIES_MAX, NAME, SOURCES_MAX } from "./label.ts";

// Words are read and written as the processor has them.
if (endianness() !== "LE") throw new Error("segments of labels are little-endian, and so has this machine to be");

/** One page: what a look-up reads, and what is checked as one. */
export const PAGE_BYTES = 4_096;
export const PAGE_WORDS = PAGE_BYTES / 4;
/** Key, time in seconds, tier with confidence, category and source. */
export const RECORD_WORDS = KEY_WORDS + 2;
/** CRC-32 of all that follows, records, number of the block, tag of the segment; four words stay zero. */
export const BLOCK_HEAD_WORDS = 8;
export const RECORDS_PER_BLOCK = (PAGE_WORDS - BLOCK_HEAD_WORDS) / RECORD_WORDS;

export const namesSchema = z.strictObject({
  categories: z.array(z.string().regex(NAME)).max(CATEGORIES_MAX),
  sources: z.array(z.string().regex(NAME)).max(SOURCES_MAX),
});

export type Names = z.output<typeof namesSchema>;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "is 64 lower-case hexadecimal digits");
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** What the head says of the bytes behind it. */
export const bodySchema = z.strictObject({
  records: count,
  blocks: count.max(0xffff_ffff),
  /** Stands in each block, so that a block of another segment is known. */
  tag: count.max(0xffff_ffff),
  namesBytes: count.max(1_000_000),
  /** Of index and names, which are held in memory. */
  tailCrc: count.max(0xffff_ffff),
  sha256,
});

export type Body = z.output<typeof bodySchema>;

export const indexOffset = ({ blocks }: Pick<Body, "blocks">): number => PAGE_BYTES * (1 + blocks);
export const segmentBytes = (body: Pick<Body, "blocks" | "namesBytes">): number =>
  indexOffset(body) + 4 * body.blocks + body.namesBytes;

/** Fills in a block's head; the records are there already, and what is behind them is zero. */
export function finishBlock(words: Uint32Array, bytes: Uint8Array, records: number, number: number, tag: number): void {
  words[1] = records;
  words[2] = number;
  words[3] = tag;
  words.fill(0, 4, BLOCK_HEAD_WORDS);
  words[0] = crc32(bytes.subarray(4));
}

export function isWhole(words: Uint32Array, bytes: Uint8Array, number: number, tag: number): boolean {
  const records = words[1] ?? 0;
  return (
    words[2] === number &&
    words[3] === tag &&
    records > 0 &&
    records <= RECORDS_PER_BLOCK &&
    words[0] === crc32(bytes.subarray(4))
  );
}

/** Below, equal or above, in the order of a segment: word by word. */
export function compareKeys(a: Uint32Array, atA: number, b: Uint32Array, atB: number): number {
  for (let at = 0; at < KEY_WORDS; at += 1) {
    const x = a[atA + at] ?? 0;
    const y = b[atB + at] ?? 0;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}
