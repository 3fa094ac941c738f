// The console killed before and after each of its durable effects, by name: every change is shown once.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMON_EFFECTS, crashArming, pointsAround, reachedPoints, walkPoints } from "@sluice/crash-points";
import { until } from "@sluice/online-service/testing";
import { expect, onTestFinished, test } from "vitest";
import { EFFECTS } from "./crash-points.ts";
import { change, openConsole } from "./news.ts";

test("whichever effect it dies at, every change of a withdrawal is kept once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "console-points-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const world = await openConsole();
  onTestFinished(world.close);
  const reached = join(folder, "reached");
  let told = 0;
  const killed = await walkPoints(pointsAround(EFFECTS), reached, async (_, flags) => {
    told += 1;
    await world.publish("withdrawal.changed.v1", change("w-1", told));
    const { signal } = await world.runToEnd({ flags });
    return signal;
  });
  await world.start({ flags: crashArming(reached) });
  const revisions = async () =>
    (await world.pool.query<{ revision: number }>("select revision from withdrawal_change order by revision")).rows;
  const kept = await until(revisions, (rows) => rows.length >= told);
  expect(kept.map(({ revision }) => revision)).toEqual(Array.from({ length: told }, (_, at) => at + 1));
  // A commit that is not in the list is found here, and the list names nothing that is not there.
  const common = COMMON_EFFECTS.filter((effect) => !EFFECTS.some((own) => own === effect));
  expect(reachedPoints(reached, common)).toEqual(pointsAround(EFFECTS).toSorted());
  process.stdout.write(`ops-console: killed at ${killed} of ${2 * EFFECTS.length} crash points\n`);
}, 600_000);
