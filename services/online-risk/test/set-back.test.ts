// The front door's database is restored from a backup while the rest went on. What was cleared since comes back whole, what
// was cancelled stays so, the backend repeats the others, and no reader ever gets one number for two changes.
import { backUpDatabase } from "@sluice/postgres/testing";
import { expect, it } from "vitest";
import { createPeer } from "./peer.ts";
import { clientOf, createWorld, newWithdrawal } from "./world.ts";

it("clears nothing twice, pays nothing that was cancelled, loses nothing that was accepted", async () => {
  const policy = { newDestination: { aboveMinor: "1000000", approvals: 1 } };
  const world = await createWorld({ policy });
  const peer = await createPeer(world);
  const first = await world.start();
  const before = clientOf(first, world.keys.backend);
  const large = { amount: 2_000_000n };
  const [early, heldEarly] = [newWithdrawal(), newWithdrawal(large)];
  await before.createWithdrawal(early);
  await before.waitFor(early.id, ["cleared"], { pollMs: 100 });
  await before.createWithdrawal(heldEarly);
  await before.waitFor(heldEarly.id, ["held"], { pollMs: 100 });
  const markNow = async () =>
    (await world.pool.query<{ mark: bigint }>("select mark from high_water")).rows[0]?.mark ?? 0n;
  await expect.poll(markNow, { timeout: 20_000 }).toBeGreaterThan(0n);
  const backup = await backUpDatabase(world.databaseUrl);

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

  const second = await world.start("halted");
  const said = await fetch(`${second.internal}/readyz`);
  expect([said.status, await said.text()]).toEqual([503, expect.stringContaining("DATABASE_SET_BACK")]);
  const post = await fetch(`${second.internal}/recovery`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ mark: String(mark) }),
  });
  expect(post.status).toBe(202);
  await expect.poll(() => second.log.some(({ msg }) => msg === "ready"), { timeout: 40_000 }).toBe(true);

  const after = clientOf(second, world.keys.backend);
  expect(await after.getWithdrawal(cleared.id)).toMatchObject({ state: "cleared", priority: "fast" });
  expect(await after.getWithdrawal(heldEarly.id)).toMatchObject({ state: "cleared", revision: known + 1 });
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
});
