// Reads all of a process's memory as root and looks for what should not be there, in every form that it could have.
import { closeSync, openSync, readFileSync, readSync } from "node:fs";

export type Secret = { readonly name: string; readonly bytes: Uint8Array };

/** A place where at least a window of a secret lies. */
export type Trace = {
  readonly secret: string;
  readonly form: string;
  /** Of the form's bytes, how many lie here in a row, and whether that is all of it. */
  readonly length: number;
  readonly whole: boolean;
  /** In a region that the kernel has locked, and leaves out of core dumps. */
  readonly locked: boolean;
  readonly address: string;
  readonly region: string;
};

export type Scan = {
  readonly traces: readonly Trace[];
  readonly bytesRead: number;
  /** Regions with at least one page in memory. */
  readonly regions: number;
  readonly lockedRegions: number;
  /** Names of regions that the kernel did not let even root read. */
  readonly unreadable: readonly string[];
};

/** The process stands still meanwhile, so that nothing moves from where it is still to be looked for to where it was. */
export function scanMemory(pid: number, search: Search): Scan {
  // One that is traced at its end stands still already.
  const runs = statusOf(pid, "TracerPid") === "0";
  if (runs) process.kill(pid, "SIGSTOP");
  try {
    while (!/^[Tt]/.test(statusOf(pid, "State"))) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    return scanStanding(pid, search);
  } finally {
    if (runs) process.kill(pid, "SIGCONT");
  }
}

function statusOf(pid: number, field: string): string {
  const lines = readFileSync(`/proc/${pid}/status`, "utf8");
  return new RegExp(`^${field}:\\s+(\\S+)`, "m").exec(lines)?.[1] ?? "unknown";
}

function scanStanding(pid: number, search: Search): Scan {
  const hits: Hit[] = [];
  const unreadable = new Set<string>();
  let bytesRead = 0;
  const regions = readRegions(pid).flatMap((region) => {
    const runs = presentRuns(pid, region);
    return runs.length === 0 ? [] : [{ ...region, runs }];
  });
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    for (const region of regions) {
      for (const { begin, end } of region.runs) {
        const bytes = readRun(memory, begin, end);
        if (bytes === null) {
          unreadable.add(region.name);
          continue;
        }
        bytesRead += bytes.length;
        search.in(bytes, (pattern, at) => hits.push({ ...pattern, at: begin + at, region }));
      }
    }
  } finally {
    closeSync(memory);
  }
  const lockedRegions = regions.filter(({ locked }) => locked).length;
  return { traces: joinHits(hits), bytesRead, regions: regions.length, lockedRegions, unreadable: [...unreadable] };
}

/** For one buffer instead of a process: a file, a log, an environment. */
export function scanBytes(bytes: Uint8Array, search: Search): readonly Trace[] {
  const hits: Hit[] = [];
  const region = { name: "bytes", begin: 0, end: bytes.length, locked: false };
  search.in(Buffer.from(bytes), (pattern, at) => hits.push({ ...pattern, at, region }));
  return joinHits(hits);
}

/** How V8, Buffer, BigInt and printing would spell 32 bytes, and how much of each in a row counts as a find. */
function formsOf(
  secret: Uint8Array,
): readonly { readonly form: string; readonly bytes: Buffer; readonly window: number }[] {
  const raw = Buffer.from(secret);
  // Limbs of a BigInt and of a C library's scalar alike: little end first.
  const reversed = Buffer.from(raw).reverse();
  const hex = raw.toString("hex");
  const text = [
    ["hex", hex, 16],
    ["HEX", hex.toUpperCase(), 16],
    ["reversed hex", reversed.toString("hex"), 16],
    ["base64", raw.toString("base64"), 12],
    ["base64url", raw.toString("base64url"), 12],
    ["decimal", BigInt(`0x${hex}`).toString(), 20],
    ["list", raw.join(","), 24],
  ] as const;
  return [
    { form: "raw", bytes: raw, window: 8 },
    { form: "reversed", bytes: reversed, window: 8 },
    { form: "raw in utf-16", bytes: Buffer.from(raw.toString("latin1"), "utf16le"), window: 16 },
    ...text.flatMap(([form, spelt, window]) => [
      { form, bytes: Buffer.from(spelt, "latin1"), window },
      { form: `${form} in utf-16`, bytes: Buffer.from(spelt, "utf16le"), window: window * 2 },
    ]),
  ];
}

type Pattern = {
  readonly secret: string;
  readonly form: string;
  readonly formLength: number;
  readonly offset: number;
  readonly window: Buffer;
};
type Hit = Pattern & { readonly at: number; readonly region: Region };

export type Search = { readonly in: (bytes: Buffer, found: (pattern: Pattern, at: number) => void) => void };

/**
 * One pass for all patterns, and they are made ready once for all that is looked through: there are tens of thousands. Only
 * every fourth place is looked at. No window is shorter than eight bytes, so wherever one lies, four of its bytes lie on such
 * a place, its first, second, third or fourth and the three behind it; they decide by table, and then by map, whether to look closer.
 */
export function prepareSearch(secrets: readonly Secret[]): Search {
  const beginnings = new Uint8Array(2 ** (SPREAD_BITS - 3));
  const byFour = new Map<number, { readonly pattern: Pattern; readonly shift: number }[]>();
  for (const pattern of patternsOf(secrets)) {
    for (let shift = 0; shift < 4; shift += 1) {
      const four = pattern.window.readInt32LE(shift);
      const bit = spread(four);
      beginnings[bit >>> 3] = (beginnings[bit >>> 3] as number) | (1 << (bit & 7));
      const others = byFour.get(four);
      if (others === undefined) byFour.set(four, [{ pattern, shift }]);
      else others.push({ pattern, shift });
    }
  }
  return {
    in(given: Buffer, found: (pattern: Pattern, at: number) => void): void {
      const bytes = given.byteOffset % 4 === 0 ? given : Buffer.from(Uint8Array.from(given).buffer);
      const fours = new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
      for (let place = 0; place < fours.length; place += 1) {
        const four = fours[place] as number;
        const bit = spread(four);
        if ((((beginnings[bit >>> 3] as number) >>> (bit & 7)) & 1) === 0) continue;
        for (const { pattern, shift } of byFour.get(four) ?? []) {
          const at = 4 * place - shift;
          if (liesAt(bytes, at, pattern.window)) found(pattern, at);
        }
      }
    },
  };
}

function patternsOf(secrets: readonly Secret[]): readonly Pattern[] {
  const patterns: Pattern[] = [];
  const known = new Set<string>();
  for (const { name: secret, bytes } of secrets) {
    for (const { form, bytes: spelt, window: size } of formsOf(bytes)) {
      for (let offset = 0; offset + size <= spelt.length; offset += 1) {
        const window = spelt.subarray(offset, offset + size);
        const name = window.toString("latin1");
        // Hexadecimal without letters is the same in capitals; a run of one byte says nothing.
        if (known.has(name) || new Set(window).size < 4) continue;
        known.add(name);
        patterns.push({ secret, form, formLength: spelt.length, offset, window });
      }
    }
  }
  return patterns;
}

function liesAt(bytes: Buffer, at: number, window: Buffer): boolean {
  if (at < 0 || at + window.length > bytes.length) return false;
  for (let one = 0; one < window.length; one += 1) if (bytes[at + one] !== window[one]) return false;
  return true;
}

/** One bit of two megabytes for each: of what is no beginning, one in a hundred has to be looked up. */
const SPREAD_BITS = 24;

/** Fibonacci hashing (Knuth): neighbours land far apart. */
function spread(four: number): number {
  return Math.imul(four, 0x9e3779b1) >>> (32 - SPREAD_BITS);
}

/** Windows that overlap are one place. */
function joinHits(hits: readonly Hit[]): readonly Trace[] {
  const places: { first: Hit; last: Hit }[] = [];
  for (const hit of hits.toSorted((one, other) => one.at - other.at)) {
    const before = places.find(
      ({ last }) =>
        last.secret === hit.secret &&
        last.form === hit.form &&
        hit.at - last.at === hit.offset - last.offset &&
        hit.at > last.at &&
        hit.at <= last.at + last.window.length,
    );
    if (before === undefined) places.push({ first: hit, last: hit });
    else before.last = hit;
  }
  return places.map(({ first, last }) => {
    const length = last.at + last.window.length - first.at;
    return {
      secret: first.secret,
      form: first.form,
      length,
      whole: length === first.formLength,
      locked: first.region.locked,
      address: `0x${first.at.toString(16)}`,
      region: first.region.name,
    };
  });
}

type Region = { readonly name: string; readonly begin: number; readonly end: number; readonly locked: boolean };

/** From smaps(5): locked ("lo") and left out of dumps ("dd"). */
function readRegions(pid: number): readonly Region[] {
  const regions: { name: string; begin: number; end: number; locked: boolean }[] = [];
  for (const line of readFileSync(`/proc/${pid}/smaps`, "latin1").split("\n")) {
    const heading = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)$/.exec(line);
    if (heading !== null) {
      const [, begin = "", end = "", access = "", name = ""] = heading;
      const named = name === "" ? `anonymous ${access}` : name;
      regions.push({ name: named, begin: Number.parseInt(begin, 16), end: Number.parseInt(end, 16), locked: false });
    }
    const flags = /^VmFlags: (.*)$/.exec(line)?.[1]?.split(" ");
    const region = regions.at(-1);
    if (flags !== undefined && region !== undefined) region.locked = flags.includes("lo") && flags.includes("dd");
  }
  return regions;
}

const PAGE = 4_096;
const PRESENT_OR_SWAPPED = 0xc0;
const PAGES_AT_ONCE = 1_024;

/** From pagemap(5). V8 reserves much more than it uses: pages that were never touched are not read, which would make them. */
function presentRuns(pid: number, { begin, end }: Region): readonly { readonly begin: number; readonly end: number }[] {
  const runs: { begin: number; end: number }[] = [];
  // vsyscall lies where no file offset can point.
  if (end > 2 ** 47) return [];
  const pagemap = openSync(`/proc/${pid}/pagemap`, "r");
  try {
    const entries = Buffer.alloc(64 * PAGE);
    for (let page = begin / PAGE; page < end / PAGE; ) {
      const wanted = Math.min(entries.length, (end / PAGE - page) * 8);
      const count = readSync(pagemap, entries, 0, wanted, page * 8) / 8;
      if (count === 0) break;
      for (let at = 0; at < count; at += 1, page += 1) {
        if (((entries[at * 8 + 7] as number) & PRESENT_OR_SWAPPED) === 0) continue;
        const address = page * PAGE;
        const run = runs.at(-1);
        if (run !== undefined && run.end === address && run.end - run.begin < PAGES_AT_ONCE * PAGE) run.end += PAGE;
        else runs.push({ begin: address, end: address + PAGE });
      }
    }
  } finally {
    closeSync(pagemap);
  }
  return runs;
}

/** A run that was cut for its length reads a little into the next one, so that nothing hides on the seam. */
const SEAM = 256;

/** Read into again and again: what is found in it is looked at before the next run. */
const scratch = Buffer.alloc(PAGES_AT_ONCE * PAGE + SEAM);

function readRun(memory: number, begin: number, end: number): Buffer | null {
  const length = end - begin;
  const bytes = scratch.subarray(0, length + SEAM);
  let read = 0;
  while (read < length) {
    try {
      const count = readSync(memory, bytes, read, length - read, begin + read);
      if (count === 0) return null;
      read += count;
    } catch {
      return null;
    }
  }
  try {
    read += readSync(memory, bytes, read, SEAM, end);
  } catch {
    // Nothing is mapped behind it.
  }
  return bytes.subarray(0, read);
}
