// The front door's database is restored from a backup while the rest went on. What was cleared since comes back whole, what
// was cancelled stays so, the backend repeats the others, and no reader ever gets one number for two changes: also when it
// dies before and after each durable effect of bringing it back.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMON_EFFECTS, pointsAround, reachedPoints, walkPoints } from "@sluice/crash-points";
import { backUpDatabase } from "@sluice/postgres/testing";
import { expect, it, onTestFinished } from "vitest";
import { addressNumber } from "./addresses.ts";
import { BRINGING_BACK } from "./crash-points.ts";
import { createPeer } from "./peer.ts";
import { startArmed } from "./process.ts";
import { send } from "./raw-request.ts";
import { clientOf, createWorld, newWithdrawal, type World } from "./world.ts";

const DESTINATION = addressNumber(900);

it("clears nothing twice, pays nothing that was cancelled, loses nothing that was accepted", async () => {
  const policy = { newDestination: { aboveMinor: "1000000", approvals: 1 } };
  const world = await createWorld({ policy });
  const peer = await createPeer(world);
  const first = await world.start();
  const before = clientOf(first, world.keys.backend);
  const large = { amount: 2_000_000n };
  const [early, heldEarly] = [newWithdrawal(), newWithdrawal(large)];
  await before.createWithdrawal(early);
  const { revision } = await before.waitFor(early.id, ["cleared"], { pollMs: 100 });
  await before.createWithdrawal(heldEarly);
  await before.waitFor(heldEarly.id, ["held"], { pollMs: 100 });
  const markNow = async () =>
    (await world.pool.query<{ mark: bigint }>("select mark from high_water")).rows[0]?.mark ?? 0n;
  await expect.poll(markNow, { timeout: 20_000 }).toBeGreaterThan(0n);
  const say = (service: { readonly api: string }, target: string, body: object, key = world.keys.ann) =>
    send(service.api, { key, target, body: JSON.stringify(body) });
  const suspend = async (kind: string, value: string) => {
    const { body } = await say(first, "/v1/suspensions", { kind, value, reason: "a leak" });
    return body as unknown as { readonly id: string };
  };
  const answers = { "cause-known": "a lost laptop", "way-closed": "revoked", "waiting-checked": "nothing" };
  const reopen = async (service: { readonly api: string }, id: string) => {
    for (const key of [world.keys.ann, world.keys.bob])
      expect((await say(service, `/v1/suspensions/${id}/reopening`, { answers }, key)).status).toBe(200);
  };
  const overLater = await suspend("account", "later");
  const backup = await backUpDatabase(world.databaseUrl);
  // One is let go on and stopped anew, another is stopped.
  await reopen(first, overLater.id);
  const anew = await suspend("account", "later");
  const lostStop = await suspend("destination", DESTINATION.toUpperCase());

  // Meanwhile: one is cleared, one is held, one is cancelled, and one that was held before is approved.
  const [cleared, held, cancelled] = [newWithdrawal({ priority: "fast" }), newWithdrawal(large), newWithdrawal(large)];
  for (const each of [cleared, held, cancelled]) await before.createWithdrawal(each);
  await before.waitFor(cleared.id, ["cleared"], { pollMs: 100 });
  for (const { id } of [held, cancelled]) await before.waitFor(id, ["held"], { pollMs: 100 });
  await before.cancelWithdrawal(cancelled.id);
  await clientOf(first, world.keys.ann).approveWithdrawal(heldEarly.id);
  const known = (await before.getWithdrawal(heldEarly.id)).revision;
  await expect.poll(() => peer.cleared.length, { timeout: 20_000 }).toBe(3);
  const atBackup = await markNow();
  await expect.poll(markNow, { timeout: 20_000 }).toBeGreaterThan(atBackup + 4n);
  const highest = async () => markNow();
  await first.end("SIGTERM");
  const mark = await highest();
  const changes = peer.changed.length;
  await backup.restore();

  await dieBringingBack(world, mark);
  const second = await world.start();

  const after = clientOf(second, world.keys.backend);
  expect(await after.getWithdrawal(early.id)).toMatchObject({ state: "cleared", revision });
  expect(await after.getWithdrawal(cleared.id)).toMatchObject({ state: "cleared", priority: "fast" });
  expect(await after.getWithdrawal(heldEarly.id)).toMatchObject({ state: "cleared", revision: known + 1 });
  // Vault holds on to both, so both are here to be seen, and to be reopened.
  const list = await send(second.api, { key: world.keys.backend, method: "GET", target: "/v1/suspensions" });
  const { suspensions } = list.body as unknown as { readonly suspensions: readonly Record<string, unknown>[] };
  const by = { by: world.keys.ann.keyId, reason: "a leak" };
  expect(suspensions).toEqual([
    expect.objectContaining({ id: anew.id, kind: "account", value: "later", ...by }),
    expect.objectContaining({ id: lostStop.id, kind: "destination", value: DESTINATION.toUpperCase(), ...by }),
  ]);
  const stopped = newWithdrawal({ address: DESTINATION });
  await after.createWithdrawal(stopped);
  expect((await after.waitFor(stopped.id, ["delayed", "cleared"], { pollMs: 100 })).state).toBe("delayed");
  await after.cancelWithdrawal(stopped.id);
  for (const { id } of [anew, lostStop]) await reopen(second, id);
  const lost = (await (await fetch(`${second.internal}/lost-withdrawals`)).json()) as {
    readonly ids: readonly string[];
  };
  expect(lost.ids.toSorted()).toEqual([held.id, cancelled.id].toSorted());
  // The backend repeats everything, as it always may.
  for (const each of [early, heldEarly, cleared, held, cancelled]) await after.createWithdrawal(each);
  expect((await after.waitFor(held.id, ["held"], { pollMs: 100 })).state).toBe("held");
  expect((await after.getWithdrawal(cancelled.id)).state).toBe("cancelled");
  await expect(after.createWithdrawal({ ...cleared, amount: 10_001n })).rejects.toMatchObject({
    code: "WITHDRAWAL_ID_REUSED",
  });
  // Nothing was cleared a second time, and every change that was told anew has a number of its own.
  await expect.poll(() => peer.changed.length, { timeout: 20_000 }).toBeGreaterThan(changes + 2);
  expect(peer.cleared.map(({ id }) => id).toSorted()).toEqual(
    [early, heldEarly, cleared].map(({ id }) => `${id}/cleared`).toSorted(),
  );
  const ids = peer.changed.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(await peer.refused()).toEqual([]);
}, 600_000);

/** Whoever comes after goes on by itself, since a person has said so to the first. */
async function dieBringingBack({ env }: World, mark: bigint): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "set-back-points-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const reached = join(folder, "reached");
  // Two clearances are to be brought back, that of one known as held and that of one not known: it dies around each commit.
  const points = pointsAround([...BRINGING_BACK, "online-risk/bring-back takeCleared"]);
  const killed = await walkPoints(points, reached, async (point, flags) => {
    const { internal, ended } = startArmed(env, flags);
    if (point === points[0]) await goOn(await internal, mark);
    return ended;
  });
  expect(reachedPoints(reached, COMMON_EFFECTS)).toEqual(pointsAround(BRINGING_BACK).toSorted());
  process.stdout.write(`online-risk, set back: killed at ${killed} of ${points.length} crash points\n`);
}

async function goOn(internal: string, mark: bigint): Promise<void> {
  const said = await fetch(`${internal}/readyz`);
  expect([said.status, await said.text()]).toEqual([503, expect.stringContaining("DATABASE_SET_BACK")]);
  const post = await fetch(`${internal}/recovery`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ mark: String(mark) }),
  });
  expect(post.status).toBe(202);
}
