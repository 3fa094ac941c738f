// Webhooks killed before and after each of its durable effects, by name: everything is delivered, under one id and number each.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMON_EFFECTS, crashArming, pointsAround, reachedPoints, walkPoints } from "@sluice/crash-points";
import { until } from "@sluice/online-service/testing";
import { expect, onTestFinished, test } from "vitest";
import { EFFECTS } from "./crash-points.ts";
import { change, openWorld } from "./world.ts";

test("whichever effect it dies at, every change is delivered, and none under two ids or numbers", async () => {
  const folder = mkdtempSync(join(tmpdir(), "webhooks-points-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const world = await openWorld();
  onTestFinished(world.close);
  const reached = join(folder, "reached");
  let told = 0;
  const tell = async () => {
    told += 1;
    await world.publish("withdrawal.changed.v1", change("w-1", told));
  };
  const killed = await walkPoints(pointsAround(EFFECTS), reached, async (_, flags) => {
    await tell();
    return (await world.runToEnd({ flags })).signal;
  });
  await world.start({ flags: crashArming(reached) });
  const standing = async () =>
    (
      await world.pool.query<{ state: string; attempts: number; sequence: bigint }>(
        "select state, attempts, sequence from delivery where endpoint = 'backend' order by sequence",
      )
    ).rows;
  const rows = await until(
    standing,
    (some) => some.length === told && some.every(({ state }) => state === "delivered"),
  );
  const every = Array.from({ length: told }, (_, at) => at + 1);
  expect(rows.map(({ sequence }) => Number(sequence))).toEqual(every);
  const received = world.receiver.received("backend");
  // The numbers are of the order in which it was told, and stay with their ids, however often one came.
  const kinds = new Set(received.map(({ id, event }) => `${event.sequence}: ${event.data.revision} ${id}`));
  expect([...kinds].map((kind) => Number.parseInt(kind, 10)).toSorted((a, b) => a - b)).toEqual(every);
  // What came is at most what was tried, and what was lost after it came, came again.
  expect(received.length).toBeLessThanOrEqual(rows.reduce((sum, { attempts }) => sum + attempts, 0));
  expect(received.length).toBeGreaterThan(told);
  // A commit that is not in the list is found here, and the list names nothing that is not there.
  const elsewhere = COMMON_EFFECTS;
  expect(reachedPoints(reached, elsewhere)).toEqual(pointsAround(EFFECTS).toSorted());
  process.stdout.write(`webhooks: killed at ${killed} of ${2 * EFFECTS.length} crash points\n`);
}, 600_000);
