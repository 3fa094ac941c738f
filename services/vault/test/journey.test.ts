// Vault as a real process between real Kafka, Postgres and bridge: from a clearance to a final payment.
import { seal } from "@sluice/contracts";
import { describe, expect, it } from "vitest";
import { clearTogether } from "./support/clear-together.ts";
import { decode, fund } from "./support/holders.ts";
import { eventually, spawnVault, type VaultProcess } from "./support/process.ts";
import { createWorld, DESTINATION } from "./support/world.ts";
import { type Decide, openZone, refused, sign, signed, withdrawalsOf, zoneNews } from "./support/zone.ts";

describe("the journey through vault", () => {
  it("leads from two clearances to one signed transaction, and its coin is consumed when it is final", async () => {
    const world = await createWorld();
    const zone = openZone(world, sign(world));
    const vault = spawnVault(world);
    await vault.ready;
    const coin = fund(world.wallet, 1_000_000n);
    const two = [
      { id: "w-1", amountSat: 100_000n, account: "alice" },
      { id: "w-2", amountSat: 200_000n, account: "bob" },
    ];
    await clearTogether(world, two, coin);

    await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
    await eventually(() => expect(world.heard("signing.started.v1")).toHaveLength(1));
    await eventually(() => expect(world.heard("risk.reported.v1")).toHaveLength(1));
    const [planned] = world.heard("transaction.planned.v1");
    const [signed] = world.heard("transaction.signed.v1");
    const [request] = zone.requests;
    if (planned === undefined || signed === undefined || request === undefined) throw new Error("nothing was heard");
    expect(zone.faults).toEqual([]);
    const attempts = [
      { withdrawalId: "w-1", attempt: 1 },
      { withdrawalId: "w-2", attempt: 1 },
    ];
    const decoded = decode(world.wallet, request.psbt);
    expect(planned.message).toMatchObject({
      withdrawals: attempts,
      transactionId: decoded.txid,
      taskId: request.taskId,
    });
    expect(world.heard("signing.started.v1")[0]?.message.withdrawals).toEqual(attempts);
    expect(world.heard("risk.reported.v1")[0]?.producer).toBe("semi-offline-risk");
    expect(signed.message).toMatchObject({
      transactionId: decoded.txid,
      payouts: [
        { withdrawalId: "w-1", attempt: 1, account: "alice", address: DESTINATION, amountSat: 100_000n },
        { withdrawalId: "w-2", attempt: 1, account: "bob", address: DESTINATION, amountSat: 200_000n },
      ],
      spent: [{ transactionId: coin.txid, vout: 0, amountSat: 1_000_000n }],
      feeSat: decoded.feeSat,
      changeSat: 700_000n - decoded.feeSat,
    });
    const unconfirmed = Number(700_000n - decoded.feeSat);
    expect(await coinSats(vault)).toEqual({ free: 0, unconfirmed, reserved: 1_000_000, spent: 0, lost: 0 });

    await world.tell("transaction.confirmed.v1", "blockchain-gateway", "confirmed-1", {
      transactionId: decoded.txid,
      withdrawals: attempts,
      blockHash: "ab".repeat(32),
      height: 120,
      confirmations: 6,
      revision: 9,
    });
    await eventually(async () =>
      expect(await coinSats(vault)).toMatchObject({ free: 0, reserved: 0, spent: 1_000_000 }),
    );
    const { tasks } = (await (await vault.get("/tasks")).json()) as { tasks: readonly Record<string, unknown>[] };
    expect(tasks).toMatchObject([{ state: "confirmed", transactionId: decoded.txid, feeSat: String(decoded.feeSat) }]);
    const { rows } = await world.vault.query("select id, state from withdrawal order by id");
    expect(rows).toEqual([
      { id: "w-1", state: "confirmed" },
      { id: "w-2", state: "confirmed" },
    ]);
  });

  it("tells of the semi-offline zone, and of its own readiness", async () => {
    const world = await createWorld();
    const vault = spawnVault(world);
    await vault.ready;
    const notReady = await vault.get("/readyz");
    expect(notReady.status).toBe(503);
    expect(await notReady.json()).toMatchObject({ detail: "bridge" });
    expect(await (await vault.get("/zone")).json()).toEqual({ heardAtMs: null, zone: null });

    const zone = openZone(world, sign(world));
    await zone.send(zoneNews(world.sealers["semi-offline-risk"], 1, true));
    await zone.send(zoneNews(world.sealers["semi-offline-risk"], 2, true));
    await zone.send(zoneNews(world.sealers["semi-offline-risk"], 3, false));
    expect((await vault.get("/readyz")).status).toBe(200);
    expect(await (await vault.get("/zone")).json()).toMatchObject({
      zone: { databaseReady: false, lastReportNumber: "3" },
    });
    const metrics = await (await vault.get("/metrics")).text();
    expect(metrics).toContain('sluice_journal_entries{service="semi-offline-risk"} 3');
    expect(metrics.match(/^# TYPE sluice_vault_bridge_connections gauge$/gm)).toHaveLength(1);
    // The second said nothing that the first had not said, but for a counter.
    await eventually(() => expect(world.heard("zone.reported.v1").map(({ id }) => id)).toEqual(["zone-1", "zone-3"]));
  });

  it("hands on what people stopped as it was sealed, all of it again to a zone that comes anew; and names of a batch wait", async () => {
    const world = await createWorld();
    const decided: Decide = (task) => {
      const named = withdrawalsOf(world, task).map(({ withdrawalId }) => withdrawalId);
      if (named.includes("w-1") && named.length > 1) return refused([["w-1", "SUSPENDED"]]);
      return signed(world, task);
    };
    const zone = openZone(world, decided);
    const vault = spawnVault(world);
    await vault.ready;
    const two = [
      { id: "w-1", amountSat: 100_000n, account: "alice" },
      { id: "w-2", amountSat: 200_000n, account: "bob" },
    ];
    await clearTogether(world, two, fund(world.wallet, 1_000_000n));
    // Nobody told vault, so it plans the named one alone; the companion goes at once.
    await eventually(() => expect(world.heard("transaction.signed.v1").length).toBeGreaterThan(0));
    expect(world.heard("transaction.signed.v1")[0]?.message.payouts.map(({ withdrawalId }) => withdrawalId)).toEqual([
      "w-2",
    ]);
    const say = async (suspensionId: string, isStanding: boolean) => {
      const message = { suspensionId, kind: "account", values: ["mallory"], isStanding, changedAtMs: 1 } as const;
      const id = `${suspensionId}/${isStanding ? "suspended" : "reopened"}`;
      const envelope = seal(world.sealers["online-risk"], "suspension.changed.v1", {
        ...{ id, key: suspensionId, occurredAtMs: 1, message },
      });
      await world.publish("suspension.changed.v1", id, envelope);
      return Buffer.from(envelope).toString("hex");
    };
    const stays = await say("s1", true);
    await eventually(() => expect(zone.suspensions).toEqual([stays]));
    const stopped = await say("s2", true);
    await eventually(() => expect(zone.suspensions).toEqual([stays, stopped]));
    const reopened = await say("s2", false);
    await eventually(() => expect(zone.suspensions).toEqual([stays, stopped, reopened]));
    await zone.close();
    const anew = openZone(world, decided);
    await eventually(() => expect(anew.suspensions).toEqual([stays, reopened]));
  });

  it("stops in order with a task on its way, and the next process carries on", async () => {
    const world = await createWorld();
    const first = spawnVault(world);
    await first.ready;
    await world.observe(fund(world.wallet, 1_000_000n));
    await world.clear({ id: "w-1", amountSat: 100_000n });
    await eventually(() => expect(world.heard("transaction.planned.v1")).toHaveLength(1));
    first.kill("SIGTERM");
    expect(await first.ended).toEqual({ code: 0, signal: null });

    openZone(world, sign(world));
    const second = spawnVault(world);
    await second.ready;
    await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
    expect(world.heard("transaction.planned.v1")).toHaveLength(1);
  });
});

async function coinSats(vault: VaultProcess): Promise<Readonly<Record<string, number>>> {
  const text = await (await vault.get("/metrics")).text();
  const found = text.matchAll(/^sluice_vault_coins_sat\{state="(\w+)"[^}]*\} (\d+)$/gm);
  return Object.fromEntries([...found].map(([, state, sat]) => [state, Number(sat)]));
}
