// Killed for good at every point between the order and the signature, and robbed of what was not synced: whatever was
// released for one withdrawal still conflicts.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { SigningIntent } from "../src/sign-once.ts";
import type { KillPoint } from "./journal-child.ts";

const folder = mkdtempSync(join(tmpdir(), "journal-crash-"));
afterAll(() => rmSync(folder, { recursive: true }));

const POINTS: readonly KillPoint[] = ["write", "torn-write", "sync", "after-sync", "release", "after-release", "never"];
const LIVES = 14;
const HOLDERS = 3;

const coins = Array.from({ length: 14 }, (_, at) => `${at.toString(16).repeat(64)}:0`);
const anIntent = fc
  .record({
    inputs: fc.uniqueArray(fc.constantFrom(...coins), { minLength: 1, maxLength: 2 }),
    withdrawalId: fc.nat(11).map((number) => `w${number}`),
    salt: fc.nat(1),
  })
  .map(({ inputs, withdrawalId, salt }): SigningIntent => {
    const transactionId = createHash("sha256")
      .update(JSON.stringify([inputs, withdrawalId, salt]))
      .digest("hex");
    const anchor = inputs[0] ?? "";
    return { taskId: `task-${salt}`, walletId: "hot", transactionId, inputs, withdrawals: [{ withdrawalId, anchor }] };
  });
const aLife = fc.record({
  intents: fc.array(anIntent, { minLength: 3, maxLength: 5 }),
  point: fc.constantFrom(...POINTS),
  passing: fc.nat(1),
  lost: fc.nat(),
  powerFails: fc.boolean(),
});

test("no crash lets two transactions out for one withdrawal that do not conflict", () => {
  const fired = new Map<string, number>();
  const count = (what: string) => fired.set(what, (fired.get(what) ?? 0) + 1);
  for (let holder = 0; holder < HOLDERS; holder += 1) {
    const directory = mkdtempSync(join(folder, "holder-"));
    const file = join(directory, "semi-offline-signer-a.journal");
    const released: SigningIntent[] = [];
    let unfinished: readonly SigningIntent[] = [];
    for (const life of fc.sample(aLife, { numRuns: LIVES, seed: 1_000 + holder })) {
      // Orders whose answers got lost come again, before new ones.
      const intents = [...unfinished, ...life.intents];
      unfinished = life.intents;
      const job = JSON.stringify({ directory, ...life, intents });
      const before = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      const child = spawnSync(process.execPath, [join(import.meta.dirname, "journal-child.ts"), job], {
        encoding: "utf8",
      });
      expect([child.stderr, child.signal ?? child.status]).toEqual(["", child.signal === "SIGKILL" ? "SIGKILL" : 0]);
      if (child.signal === "SIGKILL") count(`killed at ${life.point}`);
      const said = child.stdout
        .trim()
        .split("\n")
        .map((line) => line.split(" "));
      for (const [what = "", number] of said) {
        if (what === "released") released.push(intents[Number(number)] as SigningIntent);
        if (what === "opened" && said[0]?.[2] !== "0") count("torn record trimmed");
        count(what);
      }
      // Without power, anything that was not synced may be gone. Opening synced all that there was.
      if (!life.powerFails) continue;
      const opened = said[0]?.[0] === "opened" ? before - Number(said[0]?.[2] ?? 0) : 0;
      const durable = Math.max(opened, ...said.flatMap(([what, size]) => (what === "durable" ? [Number(size)] : [])));
      const size = statSync(file).size;
      if (size > durable) count("unsynced bytes lost");
      truncateSync(file, durable + (life.lost % (size - durable + 1)));
    }
    for (const one of released) {
      const same = released.filter((other) => other.withdrawals[0]?.withdrawalId === one.withdrawals[0]?.withdrawalId);
      for (const other of same) {
        const common = one.inputs.filter((input) => other.inputs.includes(input));
        expect(common, `${one.transactionId} and ${other.transactionId}`).not.toEqual([]);
      }
    }
  }
  // Every kill point really fired, unsynced bytes were really lost, and signatures were both released and refused.
  for (const what of [
    ...POINTS.filter((point) => point !== "never").map((point) => `killed at ${point}`),
    "unsynced bytes lost",
    "torn record trimmed",
    "released",
    "again",
    "WITHDRAWAL_ALREADY_SIGNED",
    "INPUT_ALREADY_SIGNED",
  ]) {
    expect([what, fired.get(what) ?? 0]).not.toEqual([what, 0]);
  }
  process.stderr.write(`${JSON.stringify(Object.fromEntries(fired))}\n`);
}, 240_000);
