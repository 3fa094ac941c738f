// Webhooks killed before and after each of its durable effects, by name: everything is delivered, under one id and number each.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMON_EFFECTS, crashArming, pointsAround, reachedPoints, walkPoints } from "@sluice/crash-points";
import { type ServiceProcess, until } from "@sluice/online-service/testing";
import { expect, onTestFinished, test } from "vitest";
import { EFFECTS } from "./crash-points.ts";
import { change, openWorld, type World } from "./world.ts";

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
  const byHand = openByHand(world);
  const killed = await walkPoints(pointsAround(EFFECTS), reached, async (point, flags) => {
    if (point.endsWith("switchEndpoint")) return byHand.disable(flags);
    if (point.endsWith("resendDeliveries")) return byHand.resend(flags);
    await tell();
    return (await world.runToEnd({ flags })).signal;
  });
  await byHand.enable(await world.start({ flags: crashArming(reached) }));
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
  byHand.expectSentAgain();
  // A commit that is not in the list is found here, and the list names nothing that is not there.
  const elsewhere = COMMON_EFFECTS;
  expect(reachedPoints(reached, elsewhere)).toEqual(pointsAround(EFFECTS).toSorted());
  process.stdout.write(`webhooks: killed at ${killed} of ${2 * EFFECTS.length} crash points\n`);
}, 600_000);

/** A person says it as soon as a process is ready, once in each of its lives; nothing new is told meanwhile. */
function openByHand({ pool, receiver, start }: World) {
  const left: { readonly because: string | null; readonly delivery: string | null }[] = [];
  const attempts: bigint[] = [];
  let id = "";
  let before = 0;
  const times = () => receiver.received("backend").filter((each) => each.id === id).length;
  const look = async (): Promise<void> => {
    const { rows } = await pool.query<{ because: string | null; delivery: string | null; attempts: bigint }>(
      `select disabled_because as because, (select state from delivery where webhook_id = $1) as delivery,
         (select count(*) from attempt) as attempts
       from endpoint where name = 'backend'`,
      [id],
    );
    for (const { attempts: made, ...standing } of rows) {
      left.push(standing);
      attempts.push(made);
    }
  };
  const delivered = async () =>
    (await pool.query<{ id: string }>("select webhook_id as id from delivery where state = 'delivered' limit 1"))
      .rows[0];
  const say = async (flags: readonly string[], path: string, body: () => object): Promise<string | null> => {
    const service = await start({ flags });
    if (id === "") id = (await until(delivered, (one) => one !== undefined))?.id ?? "";
    // Whoever is killed answers nothing.
    await service.postJson(path, { ...body(), by: "dora" }).catch(() => undefined);
    const { signal } = await service.stop();
    await look();
    return signal;
  };
  return {
    disable: (flags: readonly string[]) => say(flags, "/endpoints/backend/disable", () => ({})),
    /** One that was delivered; the same, when it is said again. */
    resend: (flags: readonly string[]) => {
      before = times();
      return say(flags, "/resend", () => ({ endpoint: "backend", id }));
    },
    /** What was said took effect with its commit, not before, and holds for whoever comes next: until it is taken back. */
    enable: async (service: ServiceProcess) => {
      await look();
      expect(left).toEqual([
        { because: null, delivery: "delivered" },
        { because: "BY_PERSON", delivery: "delivered" },
        { because: "BY_PERSON", delivery: "delivered" },
        { because: "BY_PERSON", delivery: "waiting" },
        { because: "BY_PERSON", delivery: "waiting" },
      ]);
      // Nothing is tried while it is disabled. (What a killed process had sent to Postgres may be committed after its end.)
      expect(new Set(attempts.slice(2)).size).toBe(1);
      await service.postJson("/endpoints/backend/enable", { by: "dora" });
    },
    expectSentAgain: () => expect(times()).toBeGreaterThan(before),
  };
}
