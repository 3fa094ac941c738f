// Sorts records that come in any order, more of them than memory holds: by the first byte of the key into files, then each by radix.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DISK, type Disk } from "./disk.ts";
import { compareKeys, type Names, RECORD_WORDS } from "./format.ts";
import type { UpdateContent } from "./head.ts";
import { KEY_WORDS, type LabelKey } from "./key.ts";
import { CATEGORIES_MAX, type Label, pack, SOURCES_MAX, sourceOf, tierNumber } from "./label.ts";
import { LabelsBroken } from "./refusals.ts";
import { openSegmentWriter } from "./segment-writer.ts";

const PARTITIONS = 256;
const PARTITION_RECORDS = 2_048;
const RADIX = 4_096;

export type SegmentBuilder = {
  readonly add: (key: LabelKey, label: Omit<Label, "tier"> & { readonly tier: Label["tier"] | "removed" }) => void;
  /** Resolved names and packed words, for those who make millions of them. */
  readonly addPacked: (key: LabelKey, sinceS: number, packed: number) => void;
  readonly nameCategory: (name: string) => number;
  readonly nameSource: (name: string) => number;
  /** Of one address and source twice the strictest stays, or the later of two alike; `twice` says how often. */
  readonly finish: (
    content: Omit<UpdateContent, "body">,
    say?: (partition: number) => void,
  ) => { readonly content: UpdateContent; readonly twice: number };
  /** Takes the files away, also when it was not finished. */
  readonly discard: () => void;
};

/** @param scratch a folder with room for 32 bytes a record, beside the segment itself */
export function openSegmentBuilder(path: string, scratch: string, tag: number, disk: Disk = DISK): SegmentBuilder {
  const folder = mkdtempSync(join(scratch, "labels-"));
  const categories = numbering(CATEGORIES_MAX, "categories");
  const sources = numbering(SOURCES_MAX, "sources");
  const partitions = Array.from({ length: PARTITIONS }, (_, at) => openPartition(join(folder, `${at}`)));
  const addPacked: SegmentBuilder["addPacked"] = (key, sinceS, packed) =>
    partitions[(key[0] ?? 0) >>> 24]?.add(key, sinceS, packed);
  return {
    addPacked,
    add: (key, { tier, confidence, category, source, sinceMs }) => {
      const packed = pack(tier, confidence, categories.number(category), sources.number(source));
      addPacked(key, Math.floor(sinceMs / 1_000), packed);
    },
    nameCategory: categories.number,
    nameSource: sources.number,
    finish: (content, say) => {
      const writer = openSegmentWriter(path, tag, disk);
      let twice = 0;
      for (const [number, partition] of partitions.entries()) {
        const words = partition.take();
        twice += writeSorted(words, (record) => writer.add(words, record * RECORD_WORDS));
        say?.(number + 1);
      }
      const names: Names = { categories: categories.names(), sources: sources.names() };
      return { content: writer.finish(names, content), twice };
    },
    discard: () => {
      for (const partition of partitions) partition.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function numbering(max: number, what: string) {
  const numbers = new Map<string, number>();
  return {
    number: (name: string): number => {
      const known = numbers.get(name);
      if (known !== undefined) return known;
      if (numbers.size === max) throw new LabelsBroken("LABELS_BODY_INVALID", `there are more than ${max} ${what}`);
      numbers.set(name, numbers.size);
      return numbers.size - 1;
    },
    names: () => [...numbers.keys()],
  };
}

function openPartition(path: string) {
  let buffer = new Uint32Array(64 * RECORD_WORDS);
  let file: number | undefined;
  let [held, spilled] = [0, 0];
  return { add, take, close };

  function add(key: LabelKey, sinceS: number, packed: number): void {
    if (held === buffer.length) makeRoom();
    for (let word = 0; word < KEY_WORDS; word += 1) buffer[held + word] = key[word] ?? 0;
    buffer[held + KEY_WORDS] = sinceS;
    buffer[held + KEY_WORDS + 1] = packed;
    held += RECORD_WORDS;
  }

  function makeRoom(): void {
    if (buffer.length < PARTITION_RECORDS * RECORD_WORDS) {
      const larger = new Uint32Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
      return;
    }
    file ??= openSync(path, "w+");
    const bytes = new Uint8Array(buffer.buffer, 0, held * 4);
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, spilled + done);
    spilled += bytes.length;
    held = 0;
  }

  function take(): Uint32Array {
    const words = new Uint32Array(spilled / 4 + held);
    const bytes = new Uint8Array(words.buffer);
    for (let done = 0; done < spilled; ) {
      const read = file === undefined ? 0 : readSync(file, bytes, done, spilled - done, done);
      if (read === 0) throw new Error(`${path} has lost records`);
      done += read;
    }
    words.set(buffer.subarray(0, held), spilled / 4);
    close();
    return words;
  }

  function close(): void {
    if (file !== undefined) closeSync(file);
    if (file !== undefined) rmSync(path, { force: true });
    file = undefined;
    buffer = new Uint32Array(0);
    [held, spilled] = [0, 0];
  }
}

/** Hands on each record of one partition once, in order; resolves to how many named an address and source again. */
function writeSorted(words: Uint32Array, write: (record: number) => void): number {
  const order = sortByFirstWord(words);
  let twice = 0;
  for (let from = 0, to = 0; from < order.length; from = to) {
    const first = words[(order[from] ?? 0) * RECORD_WORDS] ?? 0;
    for (to = from + 1; to < order.length && words[(order[to] ?? 0) * RECORD_WORDS] === first; ) to += 1;
    if (to === from + 1) write(order[from] ?? 0);
    else twice += writeAlike(words, [...order.subarray(from, to)], write);
  }
  return twice;
}

/** Those whose first word is the same: by the whole key, then by source, the strictest and latest first. */
function writeAlike(words: Uint32Array, some: number[], write: (record: number) => void): number {
  const word = (record: number, at: number): number => words[record * RECORD_WORDS + at] ?? 0;
  const sameLabel = (a: number, b: number): number =>
    compareKeys(words, a * RECORD_WORDS, words, b * RECORD_WORDS) ||
    sourceOf(word(a, KEY_WORDS + 1)) - sourceOf(word(b, KEY_WORDS + 1));
  some.sort(
    (a, b) =>
      sameLabel(a, b) ||
      tierNumber(word(b, KEY_WORDS + 1)) - tierNumber(word(a, KEY_WORDS + 1)) ||
      word(b, KEY_WORDS) - word(a, KEY_WORDS) ||
      word(b, KEY_WORDS + 1) - word(a, KEY_WORDS + 1),
  );
  const kept = some.filter((record, at) => at === 0 || sameLabel(record, some[at - 1] ?? record) !== 0);
  for (const record of kept) write(record);
  return some.length - kept.length;
}

/** All of a partition share the first byte; two passes over the other 24 bits sort by the first word. */
function sortByFirstWord(words: Uint32Array): Uint32Array {
  const count = words.length / RECORD_WORDS;
  let from = Uint32Array.from({ length: count }, (_, at) => at);
  let to = new Uint32Array(count);
  for (const shift of [0, 12]) {
    const starts = new Uint32Array(RADIX + 1);
    for (let at = 0; at < count; at += 1) {
      const digit = ((words[at * RECORD_WORDS] ?? 0) >>> shift) & 0xfff;
      starts[digit + 1] = (starts[digit + 1] ?? 0) + 1;
    }
    for (let digit = 1; digit <= RADIX; digit += 1) starts[digit] = (starts[digit] ?? 0) + (starts[digit - 1] ?? 0);
    for (let at = 0; at < count; at += 1) {
      const record = from[at] ?? 0;
      const digit = ((words[record * RECORD_WORDS] ?? 0) >>> shift) & 0xfff;
      const place = starts[digit] ?? 0;
      starts[digit] = place + 1;
      to[place] = record;
    }
    [from, to] = [to, from];
  }
  return from;
}
