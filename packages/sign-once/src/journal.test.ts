// The journal on a real disk: whole, cut off at every byte, damaged at every byte, locked, and on a disk that fails.
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  fdatasyncSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type JournalDisk, openJournal } from "./journal.ts";
import { genesisHash, JournalError, type JournalRecord, readJournal } from "./journal-record.ts";

const folder = mkdtempSync(join(tmpdir(), "journal-"));
afterAll(() => rmSync(folder, { recursive: true }));

const HOLDER = "semi-offline-signer-a";
const RECORDS = 50;

function record(number: number) {
  const digits = number.toString(16).padStart(64, "0");
  return {
    atMs: 1_700_000_000_000 + number,
    taskId: `task-${number}`,
    walletId: "hot",
    transactionId: digits,
    inputs: [`${digits}:0`],
    withdrawals: [{ withdrawalId: `w${number}`, anchor: `${digits}:0` }],
  };
}

const directory = () => mkdtempSync(join(folder, "d-"));
const fileIn = (place: string) => join(place, `${HOLDER}.journal`);

/** A journal of 50 records, and where each of them ends. */
function fifty() {
  const place = directory();
  const journal = openJournal(place, HOLDER);
  const ends = [0];
  for (let number = 1; number <= RECORDS; number += 1) {
    journal.append(record(number));
    ends.push(statSync(fileIn(place)).size);
  }
  const { head } = journal;
  journal.close();
  return { bytes: readFileSync(fileIn(place)), ends, head, place };
}

const { bytes, ends, head, place } = fifty();

function read(content: Buffer, pieceBytes = content.length) {
  const records: JournalRecord[] = [];
  const pieces = [];
  for (let at = 0; at < content.length; at += pieceBytes) pieces.push(content.subarray(at, at + pieceBytes));
  return { ...readJournal(pieces, genesisHash(HOLDER), (one) => records.push(one)), records };
}

describe("a journal", () => {
  test("gives back every record, whatever the pieces in which it is read", () => {
    const all = Array.from({ length: RECORDS }, (_, at) => record(at + 1));
    for (const pieceBytes of [1, 7, 100, 4096, bytes.length]) {
      const back = read(bytes, pieceBytes);
      expect(back.records).toEqual(all);
      expect(back).toMatchObject({ entries: RECORDS, bytes: bytes.length, tornBytes: 0 });
      expect(back.head.toString("hex")).toBe(head);
    }
  });

  test("at every length at which it can be cut off, keeps each whole record and reports the rest", () => {
    for (let length = 0; length <= bytes.length; length += 1) {
      const whole = ends.filter((end) => end <= length).length - 1;
      const end = ends[whole] ?? 0;
      const back = readJournal([bytes.subarray(0, length)], genesisHash(HOLDER), () => {});
      if (back.entries !== whole || back.bytes !== end || back.tornBytes !== length - end)
        expect([length, back]).toEqual([length, { entries: whole, bytes: end, tornBytes: length - end }]);
    }
  });

  test("with a byte changed, anywhere, is refused", () => {
    let refused = 0;
    for (let at = 0; at < bytes.length; at += 3) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      refused += codeOf(() => read(damaged)) === "JOURNAL_CORRUPT" ? 1 : 0;
    }
    expect(refused).toBe(Math.ceil(bytes.length / 3));
  });

  test("with a record taken out, doubled or exchanged is refused", () => {
    const [one, two, three] = [0, 1, 2].map((at) => bytes.subarray(ends[at], ends[at + 1]));
    const tail = bytes.subarray(ends[3]);
    for (const parts of [
      [one, three],
      [one, one, two, three],
      [two, one, three],
      [two, three],
    ]) {
      const changed = Buffer.concat([...parts.flatMap((part) => part ?? []), tail]);
      expect(() => read(changed)).toThrow(expect.objectContaining({ code: "JOURNAL_CORRUPT" }));
    }
  });

  test("of another holder is refused", () => {
    expect(() => readJournal([bytes], genesisHash("semi-offline-signer-b"), () => {})).toThrow(
      expect.objectContaining({ code: "JOURNAL_CORRUPT" }),
    );
  });

  test("is opened again with its history, and goes on where it ended", () => {
    const journal = openJournal(place, HOLDER);
    expect([journal.entries, journal.head, journal.trimmedBytes]).toEqual([RECORDS, head, 0]);
    expect(journal.history.anchorOf("w7")).toBe(record(7).inputs[0]);
    journal.append(record(51));
    journal.close();
    const again = openJournal(place, HOLDER);
    expect([again.entries, again.history.transaction(record(51).transactionId)]).toEqual([51, record(51)]);
    again.close();
  });

  test("whose last record is torn is trimmed on disk, and says by how much", () => {
    const place = directory();
    writeFileSync(fileIn(place), bytes.subarray(0, bytes.length - 5));
    const journal = openJournal(place, HOLDER);
    const last = (ends[RECORDS] ?? 0) - (ends[RECORDS - 1] ?? 0);
    expect([journal.entries, journal.trimmedBytes]).toEqual([RECORDS - 1, last - 5]);
    expect(statSync(fileIn(place)).size).toBe(ends[RECORDS - 1]);
    journal.append(record(50));
    journal.close();
    expect(readFileSync(fileIn(place)).equals(bytes)).toBe(true);
  });

  test("that is damaged is neither served nor changed, and its lock is free again", () => {
    const place = directory();
    const damaged = Buffer.from(bytes);
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    writeFileSync(fileIn(place), damaged);
    for (let time = 0; time < 2; time += 1) {
      expect(() => openJournal(place, HOLDER)).toThrow(expect.objectContaining({ code: "JOURNAL_CORRUPT" }));
    }
    expect(readFileSync(fileIn(place)).equals(damaged)).toBe(true);
  });

  test("syncs what it finds and the directory that names it before it serves, and fails when that fails", () => {
    const synced: string[] = [];
    const disk: JournalDisk = {
      writeSync,
      fdatasyncSync,
      fsyncSync: (file) => {
        synced.push(readlinkSync(`/proc/self/fd/${file}`));
        fsyncSync(file);
      },
    };
    openJournal(place, HOLDER, disk).close();
    expect(synced).toEqual([fileIn(place), place]);
    const broken: JournalDisk = { ...disk, fsyncSync: () => fsyncSync(1_000_000) };
    expect(() => openJournal(place, HOLDER, broken)).toThrow("EBADF");
    openJournal(place, HOLDER).close();
  });

  test("is closed to everybody but its owner", () => {
    expect(statSync(fileIn(place)).mode & 0o777).toBe(0o600);
  });

  test("has one writer: another process is turned away until the first ends, however it ends", () => {
    const place = directory();
    const journal = openJournal(place, HOLDER);
    const open = (after: string) =>
      spawnSync(process.execPath, ["--input-type=module", "-e", openInChild(place, after)], { encoding: "utf8" });
    expect(open("").stdout).toBe("JOURNAL_LOCKED\n");
    journal.close();
    expect(open('process.kill(process.pid, "SIGKILL")').signal).toBe("SIGKILL");
    expect(open("").stdout).toBe("opened\n");
  });

  test("that somebody else wrote to takes nothing more", () => {
    const place = directory();
    const journal = openJournal(place, HOLDER);
    journal.append(record(1));
    appendFileSync(fileIn(place), "x");
    expect(() => journal.append(record(2))).toThrow(expect.objectContaining({ code: "JOURNAL_WRITE_FAILED" }));
    truncateSync(fileIn(place), ends[1]);
    expect(() => journal.append(record(2))).toThrow(expect.objectContaining({ code: "JOURNAL_WRITE_FAILED" }));
    journal.close();
  });

  // /dev/full refuses every write with ENOSPC; a descriptor that is closed refuses the sync with EBADF.
  test.each<[string, Parameters<typeof openJournal>[2]]>([
    ["write", { fdatasyncSync, fsyncSync, writeSync: () => writeSync(fullDisk(), "x") as never }],
    ["sync", { writeSync, fsyncSync, fdatasyncSync: () => fdatasyncSync(1_000_000) }],
  ])("whose %s fails once never takes anything again, and does not count the record", (_, disk) => {
    const journal = openJournal(directory(), HOLDER, disk);
    for (let time = 0; time < 2; time += 1) {
      expect(() => journal.append(record(1))).toThrow(expect.objectContaining({ code: "JOURNAL_WRITE_FAILED" }));
    }
    expect([journal.entries, journal.history.anchorOf("w1")]).toEqual([0, undefined]);
    journal.close();
  });
});

function codeOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error instanceof JournalError ? error.code : error;
  }
}

function openInChild(place: string, after: string): string {
  return `
    const { openJournal } = await import(${JSON.stringify(new URL("./journal.ts", import.meta.url).href)});
    try { openJournal(${JSON.stringify(place)}, ${JSON.stringify(HOLDER)}); console.log("opened"); ${after} }
    catch (error) { console.log(error.code); }`;
}

function fullDisk(): number {
  return openSync("/dev/full", "w");
}
