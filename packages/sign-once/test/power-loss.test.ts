// Power loss of a holder's journal: whatever is left of it, every prefix and every torn last record, opens with each whole record,
// goes on from there, and refuses whatever conflicts with a record that was synced.
import { mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type JournalDisk, openJournal } from "../src/journal.ts";
import type { JournalRecord } from "../src/journal-record.ts";
import { decideSigning, type SigningIntent } from "../src/sign-once.ts";

const HOLDER = "semi-offline-signer-a";
const folder = mkdtempSync(join(tmpdir(), "power-loss-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The power is cut by taking bytes away, so nothing has to be synced here for them to stay. */
const DISK: JournalDisk = { writeSync, fsyncSync: () => undefined, fdatasyncSync: () => undefined };

function intent(at: number, input = `${at}`): SigningIntent {
  const anchor = `${input.repeat(64).slice(0, 64)}:0`;
  const transactionId = `${at}${input}`.padEnd(64, "0");
  return {
    taskId: `task-${at}`,
    walletId: "hot",
    transactionId,
    inputs: [anchor],
    withdrawals: [{ withdrawalId: `w${at}`, anchor }],
  };
}

/** Signatures, with a refusal in between. */
const RECORDS: readonly JournalRecord[] = [
  ...[1, 2].map((at) => ({ ...intent(at), atMs: at })),
  { taskId: "task-9", refused: "FEE_OVER_CAP", atMs: 3 },
  { ...intent(3), atMs: 4 },
];

test("every prefix and every torn last record keeps each whole record, and goes on", () => {
  const file = join(folder, `${HOLDER}.journal`);
  const ends = [0];
  const first = openJournal(folder, HOLDER, DISK);
  for (const record of RECORDS) {
    first.append(record);
    ends.push(readFileSync(file).length);
  }
  first.close();
  const bytes = readFileSync(file);
  let torn = 0;
  // Around every end of a record each length, within one every seventh; src/journal.test.ts reads at each single one.
  const lengths = Array.from({ length: bytes.length + 1 }, (_, length) => length).filter(
    (length) => length % 7 === 0 || ends.some((end) => Math.abs(end - length) <= 2),
  );
  for (const length of lengths) {
    writeFileSync(file, bytes.subarray(0, length));
    const whole = ends.filter((end) => end <= length).length - 1;
    const opened = openJournal(folder, HOLDER, DISK);
    const kept = RECORDS.slice(0, whole);
    torn += opened.trimmedBytes > 0 ? 1 : 0;
    const found = [opened.entries + opened.refusals, opened.trimmedBytes, readFileSync(file).length];
    if (found.join() !== [whole, length - (ends[whole] ?? 0), ends[whole]].join())
      expect([length, found]).toEqual([length, whole]);
    for (const record of kept) {
      if ("refused" in record) {
        expect(decideSigning(opened.history, { ...intent(7), taskId: record.taskId })).toMatchObject({ ok: false });
        continue;
      }
      // The same once more is answered again; for the same withdrawal with another coin nothing is signed.
      const number = Number(record.withdrawals[0]?.withdrawalId.slice(1));
      expect(decideSigning(opened.history, record)).toEqual({ ok: true, value: "again" });
      expect(decideSigning(opened.history, intent(number, "f"))).toMatchObject({ ok: false });
    }
    opened.append({ ...intent(8), atMs: 9 });
    opened.close();
    const again = openJournal(folder, HOLDER, DISK);
    expect([again.entries + again.refusals, again.trimmedBytes]).toEqual([whole + 1, 0]);
    again.close();
  }
  process.stderr.write(`power loss: ${lengths.length} lengths, ${torn} of them with a torn last record\n`);
  expect(torn).toBe(lengths.filter((length) => !ends.includes(length)).length);
  expect(torn).toBeGreaterThan(100);
});
