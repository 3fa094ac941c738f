// Several segments become one: for an address and source the newest record counts; removals go when nothing older is left.
import { crc32 } from "node:zlib";
import { DISK, type Disk } from "./disk.ts";
import { BLOCK_HEAD_WORDS, compareKeys, RECORD_WORDS } from "./format.ts";
import type { UpdateContent } from "./head.ts";
import { KEY_WORDS } from "./key.ts";
import { CATEGORIES_MAX, categoryOf, REMOVED, SOURCES_MAX, sourceOf, tierNumber } from "./label.ts";
import { LabelsBroken } from "./refusals.ts";
import { openSegment, type Segment } from "./segment.ts";
import { openSegmentWriter } from "./segment-writer.ts";

const PACKED = KEY_WORDS + 1;

/**
 * @param paths oldest first, neighbours in the store
 * @param keepRemovals while there is an older segment that they are about
 */
export function mergeSegments(
  paths: readonly string[],
  out: string,
  { keepRemovals, disk = DISK }: { readonly keepRemovals: boolean; readonly disk?: Disk },
): UpdateContent {
  const segments = paths.map((path) => openSegment(path));
  try {
    const newest = segments.at(-1)?.content;
    if (newest === undefined) throw new Error("nothing is to be merged");
    const names = uniteNames(segments);
    const writer = openSegmentWriter(out, crc32(`merged ${newest.version} ${paths.length} ${newest.madeAtMs}`), disk);
    const cursors = segments.map((segment, age) => openCursor(segment, age, names));
    const seen = new Set<number>();
    for (;;) {
      const lowest = lowestOf(cursors);
      if (lowest === undefined) break;
      const key = lowest.words.slice(lowest.at, lowest.at + KEY_WORDS);
      const records: Uint32Array[] = [];
      seen.clear();
      // The newest segment speaks first.
      for (const cursor of cursors.toReversed()) {
        const said = cursor.takeAll(key);
        for (const record of said) {
          const source = sourceOf(record[PACKED] ?? 0);
          if (!seen.has(source)) records.push(record);
        }
        for (const record of said) seen.add(sourceOf(record[PACKED] ?? 0));
      }
      records.sort((a, b) => sourceOf(a[PACKED] ?? 0) - sourceOf(b[PACKED] ?? 0));
      for (const record of records) {
        if (keepRemovals || tierNumber(record[PACKED] ?? 0) !== REMOVED) writer.add(record, 0);
      }
    }
    const { version, previousSha256, madeAtMs } = newest;
    return writer.finish(names.names, { kind: "merged", version, previousSha256, madeAtMs });
  } finally {
    for (const segment of segments) segment.close();
  }
}

type Cursor = ReturnType<typeof openCursor>;

function lowestOf(cursors: readonly Cursor[]): Cursor | undefined {
  let lowest: Cursor | undefined;
  for (const cursor of cursors) {
    if (cursor.isAtEnd) continue;
    if (lowest === undefined || compareKeys(cursor.words, cursor.at, lowest.words, lowest.at) < 0) lowest = cursor;
  }
  return lowest;
}

function openCursor(segment: Segment, age: number, names: ReturnType<typeof uniteNames>) {
  const blocks = segment.scan();
  const renumber = names.renumber(age);
  let records = 0;
  let record = 0;
  const words: Uint32Array = new Uint32Array(0);
  const cursor = { words, at: BLOCK_HEAD_WORDS, isAtEnd: false, takeAll };
  load();
  return cursor;

  function load(): void {
    const next = blocks.next();
    cursor.isAtEnd = next.done === true;
    if (next.done === true) return;
    cursor.words = next.value.words;
    records = next.value.records;
    record = 0;
    cursor.at = BLOCK_HEAD_WORDS;
  }

  function takeAll(key: Uint32Array): readonly Uint32Array[] {
    const taken: Uint32Array[] = [];
    while (!cursor.isAtEnd && compareKeys(cursor.words, cursor.at, key, 0) === 0) {
      const copy = cursor.words.slice(cursor.at, cursor.at + RECORD_WORDS);
      copy[PACKED] = renumber(copy[PACKED] ?? 0);
      taken.push(copy);
      record += 1;
      cursor.at += RECORD_WORDS;
      if (record === records) load();
    }
    return taken;
  }
}

function uniteNames(segments: readonly Segment[]) {
  const categories = [...new Set(segments.flatMap(({ names }) => names.categories))];
  const sources = [...new Set(segments.flatMap(({ names }) => names.sources))];
  if (categories.length > CATEGORIES_MAX || sources.length > SOURCES_MAX) {
    throw new LabelsBroken("LABELS_BODY_INVALID", "segments have too many names together");
  }
  const renumber = (age: number) => {
    const of = segments[age]?.names ?? { categories: [], sources: [] };
    const category = of.categories.map((name) => categories.indexOf(name));
    const source = of.sources.map((name) => sources.indexOf(name));
    return (packed: number): number =>
      ((packed & 0x1ff) | ((category[categoryOf(packed)] ?? 0) << 9) | ((source[sourceOf(packed)] ?? 0) << 20)) >>> 0;
  };
  return { names: { categories, sources }, renumber };
}
