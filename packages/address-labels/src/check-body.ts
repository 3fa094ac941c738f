// Reads every byte behind a head once: its hash, each block's checksum, the order of all records, the index, the names.
import { createHash } from "node:crypto";
import { fstatSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import {
  BLOCK_HEAD_WORDS,
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
import { parseCanonical, type UpdateContent } from "./head.ts";
import { KEY_WORDS } from "./key.ts";
import { categoryOf, confidenceOf, REMOVED, sourceOf, tierNumber } from "./label.ts";
import { LabelsBroken } from "./refusals.ts";

const CHUNK_PAGES = 256;

/** @throws LabelsBroken at the first byte that is not as it has to be; `copied` gets all of them before that is known */
export function checkBody(
  file: number,
  content: UpdateContent,
  copied: (bytes: Uint8Array, position: number) => void = () => undefined,
): void {
  const { body, kind } = content;
  const { size } = fstatSync(file);
  if (size !== segmentBytes(body)) throw new LabelsBroken("LABELS_TORN", `${size} bytes of ${segmentBytes(body)}`);
  const digest = createHash("sha256");
  const tail = readAt(file, indexOffset(body), 4 * body.blocks + body.namesBytes);
  const names = readNames(tail.subarray(4 * body.blocks));
  const index = new Uint32Array(tail.buffer.slice(0, 4 * body.blocks));
  const checker = checkRecords(names, kind === "snapshot");
  let records = 0;
  for (let block = 0; block < body.blocks; ) {
    const pages = Math.min(CHUNK_PAGES, body.blocks - block);
    const position = PAGE_BYTES * (1 + block);
    const chunk = readAt(file, position, pages * PAGE_BYTES);
    digest.update(chunk);
    copied(chunk, position);
    for (let page = 0; page < pages; page += 1, block += 1) {
      const bytes = chunk.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      const words = new Uint32Array(chunk.buffer, page * PAGE_BYTES, PAGE_WORDS);
      if (!isWhole(words, bytes, block, body.tag)) throw invalid(`block ${block}`);
      if (index[block] !== words[BLOCK_HEAD_WORDS]) throw invalid(`the index of block ${block}`);
      records += checker(words, block);
    }
  }
  digest.update(tail);
  copied(tail, indexOffset(body));
  if (records !== body.records || crc32(tail) !== body.tailCrc)
    throw invalid("the count of records, or index and names");
  if (digest.digest("hex") !== body.sha256) throw new LabelsBroken("LABELS_BODY_OTHER", `version ${content.version}`);
}

/** Strictly rising by key and source, no address in two blocks, every number a name's. */
function checkRecords(names: Names, isSnapshot: boolean) {
  const before = new Uint32Array(RECORD_WORDS);
  let isFirst = true;
  return (words: Uint32Array, block: number): number => {
    const records = words[1] ?? 0;
    for (let record = 0; record < records; record += 1) {
      const at = BLOCK_HEAD_WORDS + record * RECORD_WORDS;
      const order = isFirst ? 1 : compareKeys(words, at, before, 0);
      const packed = words[at + KEY_WORDS + 1] ?? 0;
      const rises = order > 0 || (order === 0 && record > 0 && sourceOf(packed) > sourceOf(before[KEY_WORDS + 1] ?? 0));
      if (!rises) throw invalid(`the order in block ${block}`);
      const isNamed = sourceOf(packed) < names.sources.length && categoryOf(packed) < names.categories.length;
      if (!isNamed || confidenceOf(packed) > 100) throw invalid(`a label in block ${block}`);
      if (isSnapshot && tierNumber(packed) === REMOVED) throw invalid(`a removal in block ${block} of a snapshot`);
      for (let word = 0; word < RECORD_WORDS; word += 1) before[word] = words[at + word] ?? 0;
      isFirst = false;
    }
    return records;
  };
}

function readNames(bytes: Uint8Array): Names {
  const names = namesSchema.safeParse(parseCanonical(Buffer.from(bytes)));
  if (!names.success) throw invalid("names");
  return names.data;
}

/** In a buffer of its own, so that its words are aligned. */
function readAt(file: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const read = readSync(file, bytes, done, length - done, position + done);
    if (read === 0) throw new LabelsBroken("LABELS_TORN", "the file ends too early");
    done += read;
  }
  return bytes;
}

function invalid(what: string): LabelsBroken {
  return new LabelsBroken("LABELS_BODY_INVALID", what);
}
