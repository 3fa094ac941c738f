// The way to the semi-offline zone breaks, and so does the way to the database: nothing is accepted before it is committed.
import { openLine } from "@sluice/online-service/testing";
import { expect, it, onTestFinished } from "vitest";
import { fund } from "./support/holders.ts";
import { eventually, spawnVault } from "./support/process.ts";
import { createWorld } from "./support/world.ts";
import { createZoneMemory, openZone, sign, signed } from "./support/zone.ts";

it("a zone that went away with a task unanswered is asked again as soon as it is back", async () => {
  // Asking again because of the time that went by is out of the question here.
  const world = await createWorld({ SLUICE_ASK_AGAIN_MS: "10m" });
  const memory = createZoneMemory();
  const silent = openZone(world, () => null, memory);
  const vault = spawnVault(world);
  await vault.ready;
  await world.observe(fund(world.wallet, 1_000_000n));
  await world.clear({ id: "w-1", amountSat: 100_000n });
  await eventually(() => expect(world.heard("signing.started.v1")).toHaveLength(1));
  await silent.close();
  await eventually(() => expect(vault.log.some(({ state }) => state === "disconnected")).toBe(true));

  const back = openZone(world, sign(world), memory);
  await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
  expect(back.requests.map(({ taskId }) => taskId)).toEqual(silent.requests.map(({ taskId }) => taskId));
  expect(world.heard("signing.started.v1")).toHaveLength(1);
});

it("a report that comes while the database is away is accepted only when it is back, and takes effect once", async () => {
  const world = await createWorld();
  const database = new URL(world.env["SLUICE_DATABASE_URL"] ?? "");
  const line = await openLine({ host: database.hostname, port: Number(database.port) });
  onTestFinished(line.close);
  database.host = `${line.host}:${line.port}`;
  const zone = openZone(world, () => null);
  const vault = spawnVault({ ...world, env: { ...world.env, SLUICE_DATABASE_URL: database.toString() } });
  await vault.ready;
  await world.observe(fund(world.wallet, 1_000_000n));
  await world.clear({ id: "w-1", amountSat: 100_000n });
  await eventually(() => expect(world.heard("signing.started.v1")).toHaveLength(1));
  const [task] = zone.requests;
  if (task === undefined) throw new Error("no task was asked for");

  line.cut();
  let accepted = false;
  const reported = zone.report(task, signed(world, task)).then(() => {
    accepted = true;
  });
  await eventually(() => expect(vault.log.some(({ code }) => code === "MESSAGE_REJECTED")).toBe(true));
  expect(accepted).toBe(false);
  line.mend();
  await reported;
  expect((await world.vault.query("select state from task")).rows).toEqual([{ state: "signed" }]);
  await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
});
