// What reaches vault over topics: forged, repeated, late and out of order.
import { seal } from "@sluice/contracts";
import { makeSeals, request, signedRequest } from "@sluice/signing-fixtures";
import { describe, expect, it } from "vitest";
import { fund } from "./support/holders.ts";
import { eventually, spawnVault } from "./support/process.ts";
import { clearanceOf, createWorld, type World } from "./support/world.ts";
import { openZone, sign } from "./support/zone.ts";

describe("a clearance", () => {
  it("is parked under its own code whenever one check fails, and none of them is ever paid", async () => {
    const world = await createWorld();
    const zone = openZone(world, sign(world));
    const vault = spawnVault(world);
    await vault.ready;
    await world.observe(fund(world.wallet, 10_000_000n));
    const strangers = makeSeals().sealers;
    const forged = { ...world.sealers, "online-risk": { ...strangers["online-risk"] } };
    const backend = { ...world.sealers, "exchange-backend": { ...strangers["exchange-backend"] } };
    const mainnet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    const bad: readonly (readonly [string, Uint8Array])[] = [
      ["SEAL_INVALID", clearanceOf(forged, { id: "seal", amountSat: 10_000n })],
      ["REQUEST_SIGNATURE_INVALID", clearanceOf(backend, { id: "request", amountSat: 10_000n })],
      ["CLEARANCE_MISMATCH", swapped(world)],
      ["ADDRESS_WRONG_NETWORK", clearanceOf(world.sealers, { id: "net", amountSat: 10_000n, address: mainnet })],
      ["DUST_OUTPUT", clearanceOf(world.sealers, { id: "dust", amountSat: 1n })],
      ["AMOUNT_ZERO", clearanceOf(world.sealers, { id: "zero", amountSat: 0n })],
      ["AMOUNT_OVER_SUPPLY", clearanceOf(world.sealers, { id: "over", amountSat: 2_100_000_000_000_001n })],
    ];
    for (const [code, envelope] of bad) await world.publish("withdrawal.cleared.v1", code, envelope);
    await world.clear({ id: "good", amountSat: 10_000n });
    await world.clear({ id: "good", amountSat: 10_000n, account: "mallory" });
    await eventually(async () => expect(await deadLetters()).toHaveLength(bad.length + 1));
    expect((await deadLetters()).map(({ code }) => code)).toEqual([...bad.map(([code]) => code), "MESSAGE_ID_REUSED"]);
    await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
    expect((await world.vault.query("select id, account from withdrawal")).rows).toEqual([
      { id: "good", account: "alice" },
    ]);
    expect(zone.requests).toHaveLength(1);

    const retried = await vault.post(`/dead-letters/${(await deadLetters())[0]?.["id"]}/retry`);
    expect(retried.status).toBe(409);
    expect(await retried.json()).toMatchObject({ code: "SEAL_INVALID" });
    expect((await vault.post("/dead-letters/999999/retry")).status).toBe(404);

    async function deadLetters() {
      const shown = (await (await vault.get("/dead-letters")).json()) as {
        deadLetters: readonly Record<string, unknown>[];
      };
      return shown.deadLetters;
    }
  });
});

describe("messages that come twice, late or out of order", () => {
  it("end in the same state as when each comes once", async () => {
    const world = await createWorld({ SLUICE_BATCH_WAIT_MS: "300" });
    const zone = openZone(world, sign(world));
    const vault = spawnVault(world);
    await vault.ready;
    const coin = fund(world.wallet, 1_000_000n);
    await world.clear({ id: "w-1", amountSat: 100_000n });
    await world.clear({ id: "w-1", amountSat: 100_000n });
    await world.observe(coin, 101);
    await world.observe(coin, 101);
    // The block was reorganised: the same coin in another one.
    await world.observe(coin, 102);
    await eventually(() => expect(world.heard("transaction.signed.v1")).toHaveLength(1));
    const transactionId = world.heard("transaction.signed.v1")[0]?.message.transactionId ?? "";
    const confirmed = {
      transactionId,
      withdrawals: [{ withdrawalId: "w-1", attempt: 1 }],
      blockHash: "cd".repeat(32),
      height: 110,
      confirmations: 6,
    };
    await world.tell("transaction.confirmed.v1", "blockchain-gateway", "c-1", { ...confirmed, revision: 3 });
    await world.tell("transaction.confirmed.v1", "blockchain-gateway", "c-2", { ...confirmed, revision: 4 });
    const strange = { ...confirmed, transactionId: "ef".repeat(32), revision: 5 };
    await world.tell("transaction.confirmed.v1", "blockchain-gateway", "c-3", strange);
    await world.observe(coin, 103);
    await world.observe({ ...coin, amountSat: 2_000_000n }, 104);
    await eventually(async () => expect(await parkedCodes(world)).toEqual(["COIN_MISMATCH", "TRANSACTION_UNKNOWN"]));
    await eventually(async () => {
      const { rows } = await world.vault.query("select state, height, spent_by from coin where made_by is null");
      expect(rows).toEqual([{ state: "spent", height: 103, spent_by: transactionId }]);
    });
    const [task] = zone.requests;
    if (task === undefined) throw new Error("no task was asked for");
    await zone.report(task, { case: "delayed", value: { untilMs: 1, findings: [] } });

    await world.clear({ id: "w-2", amountSat: 100_000n });
    await eventually(async () => {
      const { rows } = await world.vault.query("select waiting_code from withdrawal where id = 'w-2'");
      // What was spent stays spent; only the change is left, and nobody has seen that in a block.
      expect(rows).toEqual([{ waiting_code: "CHANGE_UNCONFIRMED" }]);
    });
    expect((await world.vault.query("select state from task")).rows).toEqual([{ state: "confirmed" }]);
    expect((await world.vault.query("select code from parked_report")).rows).toEqual([
      { code: "REPORT_AFTER_VERDICT" },
    ]);
  });
});

/** One withdrawal's request in the clearance of another. */
function swapped({ sealers }: World): Uint8Array {
  const inner = signedRequest({ sealers }, request("inner", { amount: "10000" }), 1_000);
  return seal(sealers["online-risk"], "withdrawal.cleared.v1", {
    id: "outer/cleared",
    key: "outer",
    occurredAtMs: 1_000,
    message: { withdrawalId: "outer", request: inner, findings: [], clearedAtMs: 1_000 },
  });
}

async function parkedCodes(world: World): Promise<readonly string[]> {
  const { rows } = await world.vault.query<{ code: string }>("select code from dead_letter order by code");
  return rows.map(({ code }) => code);
}
