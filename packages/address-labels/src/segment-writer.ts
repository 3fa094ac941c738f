// Writes sorted records as a segment: blocks, index, names; the head comes last, when its hash is known.
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { DISK, type Disk } from "./disk.ts";
import {
  BLOCK_HEAD_WORDS,
  type Body,
  compareKeys,
  finishBlock,
  type Names,
  PAGE_BYTES,
  PAGE_WORDS,
  RECORD_WORDS,
  RECORDS_PER_BLOCK,
} from "./format.ts";
import { makeHead, type UpdateContent } from "./head.ts";
import { LabelsBroken } from "./refusals.ts";

const BUFFER_PAGES = 256;

export type SegmentWriter = {
  /** In the order of keys; records of one address one after the other. */
  readonly add: (words: Uint32Array, at: number) => void;
  readonly finish: (names: Names, content: Omit<UpdateContent, "body">) => UpdateContent;
};

export function openSegmentWriter(path: string, tag: number, disk: Disk = DISK): SegmentWriter {
  const file = disk.create(path);
  const digest = createHash("sha256");
  const block = new Uint32Array(PAGE_WORDS);
  const blockBytes = new Uint8Array(block.buffer);
  const pages = new Uint8Array(PAGE_BYTES * BUFFER_PAGES);
  const firsts: number[][] = [[]];
  let buffered = 0;
  let position = PAGE_BYTES;
  let [blocks, records, held] = [0, 0, 0];
  return { add, finish };

  function add(words: Uint32Array, at: number): void {
    if (held === RECORDS_PER_BLOCK) closeBlock(words, at);
    const place = BLOCK_HEAD_WORDS + held * RECORD_WORDS;
    for (let word = 0; word < RECORD_WORDS; word += 1) block[place + word] = words[at + word] ?? 0;
    held += 1;
    records += 1;
  }

  /** An address is never in two blocks: those of the last key move on when the next record is theirs too. */
  function closeBlock(words: Uint32Array, at: number): void {
    let stay = held;
    const start = (record: number): number => BLOCK_HEAD_WORDS + record * RECORD_WORDS;
    while (stay > 0 && compareKeys(block, start(stay - 1), words, at) === 0) stay -= 1;
    if (stay === 0) throw new LabelsBroken("LABELS_BODY_INVALID", "an address has more labels than a block has room");
    const moving = block.slice(start(stay), start(held));
    block.fill(0, start(stay));
    held = stay;
    writeBlock();
    block.set(moving, BLOCK_HEAD_WORDS);
    held = moving.length / RECORD_WORDS;
  }

  function writeBlock(): void {
    finishBlock(block, blockBytes, held, blocks, tag);
    if (firsts.at(-1)?.length === 65_536) firsts.push([]);
    firsts.at(-1)?.push(block[BLOCK_HEAD_WORDS] ?? 0);
    pages.set(blockBytes, buffered * PAGE_BYTES);
    buffered += 1;
    blocks += 1;
    held = 0;
    block.fill(0);
    if (buffered === BUFFER_PAGES) flush();
  }

  function flush(): void {
    append(pages.subarray(0, buffered * PAGE_BYTES));
    buffered = 0;
  }

  function append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    digest.update(bytes);
    disk.write(file, bytes, position);
    position += bytes.length;
  }

  function finish(names: Names, content: Omit<UpdateContent, "body">): UpdateContent {
    if (held > 0) writeBlock();
    flush();
    const index = Buffer.concat(firsts.map((some) => new Uint8Array(Uint32Array.from(some).buffer)));
    const text = Buffer.from(JSON.stringify({ categories: names.categories, sources: names.sources }), "utf8");
    append(index);
    append(text);
    const body: Body = {
      ...{ records, blocks, tag, namesBytes: text.length },
      tailCrc: crc32(Buffer.concat([index, text])),
      sha256: digest.digest("hex"),
    };
    const whole = { ...content, body };
    disk.write(file, makeHead(whole), 0);
    disk.sync(file);
    disk.close(file);
    return whole;
  }
}
