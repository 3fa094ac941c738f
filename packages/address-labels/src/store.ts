// The store: look-ups that read one page of each segment, while updates come in and segments are merged beside them.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ok, type Result } from "@sluice/core";
import { DISK, type Disk } from "./disk.ts";
import { filterOf } from "./filter.ts";
import { type LabelSignersFile, type Made, type Run, runApart, runHere } from "./jobs.ts";
import { keysFor, type LabelKey } from "./key.ts";
import { categoryOf, confidenceOf, type Label, sourceOf, tierOf } from "./label.ts";
import {
  type Manifest,
  type ManifestRead,
  readManifest,
  removeOthers,
  segmentFile,
  writeManifest,
} from "./manifest.ts";
import { type LabelRefusal, LabelsBroken, refuseLabels } from "./refusals.ts";
import { openSegment, type Segment } from "./segment.ts";

export type LabelStatus = {
  readonly version: number;
  readonly sha256: string;
  readonly madeAtMs: number;
  /** Labels and removals of labels, before they are merged. */
  readonly records: number;
  readonly segments: number;
};

export type LabelReader = {
  /** All that is said of an address, by any source; a refusal means that it is not known. Reads the disk, never waits for anybody. */
  readonly find: (chain: string, canonical: Uint8Array) => Result<readonly Label[], LabelRefusal>;
  /** Null while nothing was ever installed. */
  readonly status: () => LabelStatus | null;
  readonly close: () => void;
};

export type LabelStore = LabelReader & {
  /** One after the other. What is refused changes nothing, and what was in force goes on serving. */
  readonly install: (path: string) => Promise<Result<LabelStatus, LabelRefusal>>;
  /** When no update and no merge is under way. */
  readonly settled: () => Promise<void>;
};

export type StoreOptions = {
  readonly directory: string;
  readonly signers: LabelSignersFile;
  readonly now: () => number;
  /** Told of a merge that did not succeed; it is tried again after the next update. */
  readonly onMergeFailed: (reason: string) => void;
  /** For tests alone: everything happens here, by these effects. */
  readonly disk?: Disk;
};

type Served = {
  readonly file: string;
  readonly segment: Segment;
  readonly mayHave: (key: LabelKey) => boolean;
};

/** Newer segments that are together more than this part of the one before them are merged with it. */
const MERGE_AT_PART = 4;

/** @throws LabelsBroken when what is there is not whole: nobody is served by half of it */
export function openLabelStore(options: StoreOptions): LabelStore {
  const { directory, signers, now } = options;
  const disk = options.disk ?? DISK;
  const run: Run = options.disk === undefined ? runApart : runHere(disk);
  mkdirSync(directory, { recursive: true });
  let current = readManifest(directory);
  removeOthers(directory, current.manifest, disk);
  let segments = openSegments(directory, current.manifest?.segments ?? []);
  let queue: Promise<unknown> = Promise.resolve();
  return {
    find: (chain, canonical) => findIn(segments, chain, canonical),
    status: () => statusOf(current.manifest, segments),
    install: (path) => {
      const installed = queue.then(() => install(path)).catch(asRefusal);
      queue = installed.then(mergeAll).catch((error: unknown) => options.onMergeFailed(String(error)));
      return installed;
    },
    settled: async () => void (await queue),
    close: () => closeAll(segments),
  };

  async function install(path: string): Promise<Result<LabelStatus, LabelRefusal>> {
    const { manifest } = current;
    const generation = (manifest?.generation ?? 0) + 1;
    const file = segmentFile(generation);
    const inForce = manifest === null ? null : { version: manifest.version, sha256: manifest.sha256 };
    const to = join(directory, file);
    const received = await run({ kind: "receive", from: path, to, signers, inForce, nowMs: now() });
    if (!received.ok) return received;
    const { kind, version, sha256, madeAtMs } = received.value;
    const older = kind === "snapshot" ? [] : (manifest?.segments ?? []);
    return replace({ generation, version, sha256, madeAtMs, segments: [...older, { file, sha256 }] });
  }

  /** The moment in which the old becomes the new, on disk and then in memory. */
  function replace(next: Omit<Manifest, "format">): Result<LabelStatus, LabelRefusal> {
    if (readManifest(directory).text !== current.text) return refuseLabels("LABELS_STORE_IN_USE");
    const opened = openSegments(directory, next.segments, segments);
    let written: ManifestRead;
    try {
      written = writeManifest(directory, next, disk);
    } catch (error) {
      closeAll(opened.filter((served) => !segments.includes(served)));
      throw error;
    }
    closeAll(segments.filter((served) => !opened.includes(served)));
    [current, segments] = [written, opened];
    removeOthers(directory, current.manifest, disk);
    const status = statusOf(current.manifest, segments);
    if (status === null) throw new Error("a store that was just written is empty");
    return ok(status);
  }

  async function mergeAll(): Promise<void> {
    for (let from = nextMerge(segments); from !== null; from = nextMerge(segments)) {
      const made = await mergeFrom(from);
      if (!made.ok) return options.onMergeFailed(`${made.refusal.code}: ${made.refusal.detail}`);
    }
  }

  async function mergeFrom(from: number): Promise<Result<Made | LabelStatus, LabelRefusal>> {
    const { manifest } = current;
    if (manifest === null) return refuseLabels("LABELS_STORE_EMPTY");
    const generation = manifest.generation + 1;
    const file = segmentFile(generation);
    const paths = manifest.segments.slice(from).map((segment) => join(directory, segment.file));
    const made = await run({ kind: "merge", from: paths, to: join(directory, file), keepRemovals: from > 0 });
    if (!made.ok) return made;
    const { version, sha256, madeAtMs } = manifest;
    const older = manifest.segments.slice(0, from);
    return replace({
      ...{ generation, version, sha256, madeAtMs },
      segments: [...older, { file, sha256: made.value.sha256 }],
    });
  }
}

function asRefusal(error: unknown): { readonly ok: false; readonly refusal: LabelRefusal } {
  if (!(error instanceof LabelsBroken)) throw error;
  return { ok: false, refusal: { code: error.code, detail: error.message } };
}

/** For looking and nothing else, also while another process serves and updates it. */
export function openLabelReader(directory: string): LabelReader {
  const { manifest } = readManifest(directory);
  const segments = openSegments(directory, manifest?.segments ?? []);
  return {
    find: (chain, canonical) => findIn(segments, chain, canonical),
    status: () => statusOf(manifest, segments),
    close: () => closeAll(segments),
  };
}

/** Where the run of segments begins that are to be one; null when all are in proportion. */
function nextMerge(segments: readonly Served[]): number | null {
  let newer = 0;
  let from: number | null = null;
  for (let at = segments.length - 1; at >= 0; at -= 1) {
    const records = segments[at]?.segment.content.body.records ?? 0;
    if (at < segments.length - 1 && newer * MERGE_AT_PART >= records) from = at;
    newer += records;
  }
  return from;
}

/** A segment that is there already is not opened again. */
function openSegments(
  directory: string,
  segments: Manifest["segments"],
  present: readonly Served[] = [],
): readonly Served[] {
  const opened: Served[] = [];
  try {
    return segments.map(({ file, sha256 }, at) => {
      const known = present.find((served) => served.file === file);
      if (known !== undefined) return known;
      const segment = openSegment(join(directory, file));
      const served: Served = { file, segment, mayHave: () => true };
      opened.push(served);
      if (segment.sha256 !== sha256) throw new LabelsBroken("LABELS_STORE_DAMAGED", `${file} is another segment`);
      // The oldest has nearly everything, and is read anyway.
      return at === 0 ? served : { ...served, mayHave: filterOf(segment) };
    });
  } catch (error) {
    closeAll(opened);
    throw error;
  }
}

function findIn(
  segments: readonly Served[],
  chain: string,
  canonical: Uint8Array,
): Result<readonly Label[], LabelRefusal> {
  if (segments.length === 0) return refuseLabels("LABELS_STORE_EMPTY");
  try {
    const labels: Label[] = [];
    for (const key of keysFor(chain, canonical)) {
      const known = new Set<string>();
      // From the newest to the oldest.
      for (let at = segments.length - 1; at >= 0; at -= 1) {
        const served = segments[at];
        if (served === undefined || !served.mayHave(key)) continue;
        const { segment } = served;
        segment.find(key, (sinceS, packed) => {
          const source = segment.names.sources[sourceOf(packed)] ?? "";
          // What a newer segment says of a source counts, also that it says nothing any more.
          if (known.has(source)) return;
          known.add(source);
          const tier = tierOf(packed);
          if (tier === null) return;
          const category = segment.names.categories[categoryOf(packed)] ?? "";
          labels.push({ tier, category, source, confidence: confidenceOf(packed), sinceMs: sinceS * 1_000 });
        });
      }
    }
    return ok(labels);
  } catch (error) {
    if (error instanceof LabelsBroken) return asRefusal(error);
    // The disk does not answer: nothing is known, and that is not "no label".
    return refuseLabels("LABELS_BLOCK_DAMAGED", error instanceof Error ? error.message : String(error));
  }
}

function statusOf(manifest: Manifest | null, segments: readonly Served[]): LabelStatus | null {
  if (manifest === null) return null;
  const { version, sha256, madeAtMs } = manifest;
  const records = segments.reduce((sum, { segment }) => sum + segment.content.body.records, 0);
  return { version, sha256, madeAtMs, records, segments: segments.length };
}

function closeAll(segments: readonly Served[]): void {
  for (const { segment } of segments) segment.close();
}
