// online-risk killed before and after each of its own commits, by name: what it accepted is there once, judged once, cleared once.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { crashArming } from "@sluice/postgres/testing";
import { expect, onTestFinished, test } from "vitest";
import { BY_THE_CLOCK, CRASH_POINTS } from "./crash-points.ts";
import { startArmed } from "./process.ts";
import { clientOf, countRows, createWorld, newWithdrawal } from "./world.ts";

/** Far longer than any of them takes: a name that is never reached is said, and nobody waits for ever. */
const LONGEST_MS = 120_000;

test("whichever commit it dies at, every withdrawal is accepted once and cleared once", async () => {
  const world = await createWorld();
  const folder = mkdtempSync(join(tmpdir(), "online-points-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const reached = join(folder, "reached");
  const posted: ReturnType<typeof newWithdrawal>[] = [];
  for (const point of CRASH_POINTS) {
    const { api, ended } = startArmed(world.env, crashArming(reached, `${point}#1`));
    const withdrawal = newWithdrawal();
    posted.push(withdrawal);
    // Its answer may never come, as the backend knows it.
    void api
      .then((url) => clientOf({ api: url }, world.keys.backend, 30).createWithdrawal(withdrawal))
      .catch(() => undefined);
    const signal = await Promise.race([ended, delay(LONGEST_MS, "not reached", { ref: false })]);
    expect([point, signal]).toEqual([point, "SIGKILL"]);
  }
  const last = startArmed(world.env, crashArming(reached));
  const client = clientOf({ api: await last.api }, world.keys.backend, 30);
  for (const withdrawal of posted) {
    await client.createWithdrawal(withdrawal);
    await client.waitFor(withdrawal.id, ["cleared"], { pollMs: 50 });
  }
  expect(await countRows(world.pool, "withdrawal")).toBe(posted.length);
  expect(await countRows(world.pool, "outbox where topic = 'withdrawal.cleared.v1'")).toBe(posted.length);
  // A commit that is not in the list is found here, and the list names nothing that is not there.
  const names = new Set(readFileSync(reached, "utf8").trim().split("\n"));
  const own = [...names].filter((name) => name.includes(" online-risk/") && !BY_THE_CLOCK.includes(name));
  expect(own.toSorted()).toEqual([...CRASH_POINTS].toSorted());
  process.stdout.write(`online-risk: killed at ${CRASH_POINTS.length} of ${CRASH_POINTS.length} crash points\n`);
}, 600_000);
