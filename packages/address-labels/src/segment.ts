// A segment that is served: its index in memory, one page read from disk for each look-up, and nothing believed unchecked.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import {
  BLOCK_HEAD_WORDS,
  type Body,
  compareKeys,
  indexOffset,
  isWhole,
  type Names,
  namesSchema,
  PAGE_BYTES,
  PAGE_WORDS,
  RECORD_WORDS,
  segmentBytes,
} from "./format.ts";
import { parseCanonical, readUnsealedHead, type UpdateContent } from "./head.ts";
import { KEY_WORDS, type LabelKey } from "./key.ts";
import { LabelsBroken } from "./refusals.ts";

export type Segment = {
  readonly content: UpdateContent;
  /** Of the content. */
  readonly sha256: string;
  readonly names: Names;
  /** Tells every record of the address; a removal is one too. @throws LabelsBroken when what is read is not what was written */
  readonly find: (key: LabelKey, told: (sinceS: number, packed: number) => void) => void;
  /** Every record in order, for merging; `at` is where one begins in `words`, which are overwritten by the next block. */
  readonly scan: () => Generator<{ readonly words: Uint32Array; readonly records: number }>;
  readonly close: () => void;
};

/** @throws LabelsBroken when the file is not whole; its blocks are checked as they are read */
export function openSegment(path: string): Segment {
  const file = open(path);
  try {
    const page = readExactly(file, PAGE_BYTES, 0);
    const head = readUnsealedHead(page);
    if (!head.ok) throw new LabelsBroken(head.refusal.code, path);
    const { body } = head.value.content;
    const { size } = fstatSync(file);
    if (size !== segmentBytes(body)) {
      throw new LabelsBroken("LABELS_TORN", `${path} has ${size} bytes of ${segmentBytes(body)}`);
    }
    return serve(path, file, head.value.content, head.value.sha256);
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function open(path: string): number {
  try {
    return openSync(path, "r");
  } catch {
    throw new LabelsBroken("LABELS_UNREADABLE", path);
  }
}

function serve(path: string, file: number, content: UpdateContent, sha256: string): Segment {
  const { body } = content;
  const { index, names } = readTail(path, file, body);
  const words = new Uint32Array(PAGE_WORDS);
  const bytes = new Uint8Array(words.buffer);
  let isOpen = true;
  return {
    ...{ content, sha256, names, find, scan },
    close: () => {
      if (isOpen) closeSync(file);
      isOpen = false;
    },
  };

  function find(key: LabelKey, told: (sinceS: number, packed: number) => void): void {
    const first = key[0] ?? 0;
    // Several blocks may begin with one first word; then the address may be in any of them, or in the one before.
    for (let block = lastNotAbove(index, first); block >= 0; block -= 1) {
      readBlock(block);
      if (compareKeys(words, BLOCK_HEAD_WORDS, key, 0) <= 0 || block === 0) {
        tell(key, told);
        return;
      }
    }
  }

  function tell(key: LabelKey, told: (sinceS: number, packed: number) => void): void {
    const records = words[1] ?? 0;
    let [low, high] = [0, records];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(words, BLOCK_HEAD_WORDS + middle * RECORD_WORDS, key, 0) < 0) low = middle + 1;
      else high = middle;
    }
    for (; low < records; low += 1) {
      const at = BLOCK_HEAD_WORDS + low * RECORD_WORDS;
      if (compareKeys(words, at, key, 0) !== 0) return;
      told(words[at + KEY_WORDS] ?? 0, words[at + KEY_WORDS + 1] ?? 0);
    }
  }

  function readBlock(block: number): void {
    const read = readSync(file, bytes, 0, PAGE_BYTES, PAGE_BYTES * (1 + block));
    if (read === PAGE_BYTES && isWhole(words, bytes, block, body.tag)) return;
    throw new LabelsBroken("LABELS_BLOCK_DAMAGED", `block ${block} of ${path}`);
  }

  function* scan() {
    for (let block = 0; block < body.blocks; block += 1) {
      readBlock(block);
      yield { words, records: words[1] ?? 0 };
    }
  }
}

/** The last block whose first word is not above; -1 if there is none. Keys are hashes, so a guess is never far off. */
function lastNotAbove(index: Uint32Array, first: number): number {
  const guess = Math.floor((first / 0x1_0000_0000) * index.length);
  let low = Math.max(0, guess - 256);
  let high = Math.min(index.length, guess + 256);
  if (low > 0 && (index[low - 1] ?? 0) > first) low = 0;
  if (high < index.length && (index[high] ?? 0) <= first) high = index.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((index[middle] ?? 0) <= first) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function readTail(path: string, file: number, body: Body): { readonly index: Uint32Array; readonly names: Names } {
  const bytes = readExactly(file, 4 * body.blocks + body.namesBytes, indexOffset(body));
  if (crc32(bytes) !== body.tailCrc) throw new LabelsBroken("LABELS_STORE_DAMAGED", `index or names of ${path}`);
  const names = namesSchema.safeParse(parseCanonical(Buffer.from(bytes.subarray(4 * body.blocks))));
  if (!names.success) throw new LabelsBroken("LABELS_STORE_DAMAGED", `names of ${path}`);
  return { index: new Uint32Array(bytes.buffer.slice(0, 4 * body.blocks)), names: names.data };
}

function readExactly(file: number, length: number, position: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const read = readSync(file, bytes, done, length - done, position + done);
    if (read === 0) throw new LabelsBroken("LABELS_TORN", "the file ends too early");
    done += read;
  }
  return bytes;
}
