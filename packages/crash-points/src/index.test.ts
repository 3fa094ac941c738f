// The walk itself: it dies where it is told to, notes what it passes, and says when a point was not reached.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { pointsAround, reachedPoints, walkPoints } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "crash-points-"));
afterAll(() => rmSync(folder, { recursive: true }));
const journal = join(folder, "holder.journal");
const script = join(folder, "holder.mjs");
writeFileSync(
  script,
  `import { fdatasyncSync, openSync, writeSync } from "node:fs";
   const file = openSync(${JSON.stringify(journal)}, "a");
   writeSync(file, "record");
   fdatasyncSync(file);`,
);

async function live(_: string, flags: readonly string[]): Promise<string | null> {
  rmSync(journal, { force: true });
  const [, signal] = (await once(spawn(process.execPath, [...flags, script]), "exit")) as [
    number | null,
    string | null,
  ];
  return signal;
}

test("kills at each point, and notes every one that was passed", async () => {
  const reached = join(folder, "reached");
  const effects = ["journal write", "journal sync"];
  const left: string[] = [];
  const killed = await walkPoints(pointsAround(effects), reached, async (point, flags) => {
    const signal = await live(point, flags);
    left.push(readFileSync(journal, "utf8"));
    return signal;
  });
  expect([killed, left]).toEqual([4, ["", "record", "record", "record"]]);
  expect(reachedPoints(reached)).toEqual(pointsAround(effects).toSorted());
  expect(reachedPoints(reached, ["journal sync"])).toEqual(["after journal write", "before journal write"]);
});

test("says which point was never reached, and what was", async () => {
  const walk = walkPoints(["before a commit"], join(folder, "other"), live);
  await expect(walk).rejects.toThrow(/^before a commit: null; reached: after journal sync, .*before journal write$/);
});
