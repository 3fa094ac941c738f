// online-risk killed before and after each of its own commits, by name: what it accepted is there once, judged once, cleared once.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMON_EFFECTS, crashArming, pointsAround, reachedPoints, walkPoints } from "@sluice/crash-points";
import { expect, onTestFinished, test, vi } from "vitest";
import { BY_THE_CLOCK, EFFECTS } from "./crash-points.ts";
import { createPeer, report } from "./peer.ts";
import { startArmed } from "./process.ts";
import { clientOf, countRows, createWorld, newWithdrawal } from "./world.ts";

const FEES = { estimates: [], minimumSatPerKvbyte: 1_000n, nodes: 1, estimatedAtMs: 1 };

test("whichever commit it dies at, every withdrawal is accepted once and cleared once", async () => {
  const world = await createWorld();
  const peer = await createPeer(world);
  const folder = mkdtempSync(join(tmpdir(), "online-points-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const reached = join(folder, "reached");
  const posted: ReturnType<typeof newWithdrawal>[] = [];
  const standing = () => countRows(world.pool, "report_alarm where acknowledged_at_ms is null");

  /** A number of the zone's reports was used twice. A person has looked, and may never hear whether that is kept. */
  async function acknowledge(point: string, internal: string): Promise<void> {
    if (point.startsWith("before")) {
      await peer.publish([report(world.keys, 1n), report(world.keys, 1n, "another-task")]);
    }
    // Said before, and lost with the process: it stands until it is said again.
    await vi.waitFor(async () => expect(await standing()).toBe(1), 30_000);
    await fetch(`${internal}/report-alarms/acknowledge`, { method: "POST" }).catch(() => undefined);
  }

  const killed = await walkPoints(pointsAround(EFFECTS), reached, async (point, flags) => {
    const { api, internal, ended } = startArmed(world.env, flags);
    const withdrawal = newWithdrawal();
    await peer.publish([{ key: world.keys.gateway, type: "fee.estimated.v1", id: `fees-${point}`, message: FEES }]);
    posted.push(withdrawal);
    // Its answer may never come, as the backend knows it.
    void api
      .then(async (url) => {
        const client = clientOf({ api: url }, world.keys.backend, 30);
        await client.createWithdrawal(withdrawal);
        // A withdrawal is accepted together with others; everything else by itself.
        await client.getWithdrawal(withdrawal.id);
      })
      .catch(() => undefined);
    if (point.endsWith("acknowledge")) await acknowledge(point, await internal);
    return ended;
  });
  // What a person said over an alarm took effect once it was said again, and nothing was cleared before.
  expect([await standing(), await countRows(world.pool, "report_alarm")]).toEqual([0, 1]);
  // The first version was stored once, by whichever process came so far.
  const versions = ["policy_version", "policy_decision where kind = 'activated'"];
  expect(await Promise.all(versions.map((table) => countRows(world.pool, table)))).toEqual([1, 1]);
  const last = startArmed(world.env, crashArming(reached));
  const client = clientOf({ api: await last.api }, world.keys.backend, 30);
  for (const withdrawal of posted) {
    await client.createWithdrawal(withdrawal);
    await client.waitFor(withdrawal.id, ["cleared"], { pollMs: 50 });
  }
  expect(await countRows(world.pool, "withdrawal")).toBe(posted.length);
  const ids = posted.map(({ id }) => id).toSorted();
  const cleared = () => new Map(peer.cleared.map(({ id, message }) => [id, message.withdrawalId]));
  await vi.waitFor(() => expect([...new Set(cleared().values())].toSorted()).toEqual(ids), 30_000);
  expect(cleared().size).toBe(posted.length);
  // A commit that is not in the list is found here, and the list names nothing that is not there.
  const common = COMMON_EFFECTS.filter((effect) => !EFFECTS.some((own) => own === effect));
  expect(reachedPoints(reached, [...common, ...BY_THE_CLOCK])).toEqual(pointsAround(EFFECTS).toSorted());
  process.stdout.write(`online-risk: killed at ${killed} of ${2 * EFFECTS.length} crash points\n`);
}, 600_000);
