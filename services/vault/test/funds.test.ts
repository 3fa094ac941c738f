// Withdrawals for which the coins do not suffice: they wait in sight, smaller ones pass, and new coins set them going.
import { deriveScript } from "@sluice/chains";
import { describe, expect, it } from "vitest";
import { fund } from "./support/holders.ts";
import { eventually, spawnVault } from "./support/process.ts";
import { createWorld } from "./support/world.ts";
import { openZone, sign } from "./support/zone.ts";

describe("without enough coins", () => {
  it("a withdrawal waits, a smaller one is paid, and a refill pays the rest", async () => {
    const world = await createWorld({ SLUICE_REFILL_PAUSE_MS: "50" });
    openZone(world, sign(world));
    const vault = spawnVault(world);
    await vault.ready;
    await world.clear({ id: "large", amountSat: 700_000n });
    await eventually(async () => expect((await waiting()).map(({ code }) => code)).toEqual(["INSUFFICIENT_FUNDS"]));
    expect(await (await vault.get("/metrics")).text()).toMatch(
      /^sluice_vault_waiting_withdrawals\{code="INSUFFICIENT_FUNDS".*\} 1$/m,
    );
    expect(vault.log.some(({ msg }) => msg === "withdrawals wait and cannot be planned now")).toBe(true);

    await world.clear({ id: "small", amountSat: 50_000n });
    await world.observe(fund(world.wallet, 200_000n));
    await eventually(() => expect(paid()).toEqual(["small"]));
    expect(await waiting()).toMatchObject([{ withdrawalId: "large", amountSat: "700000", code: "INSUFFICIENT_FUNDS" }]);

    // Somebody reads what is asked for and pays it, to the very address.
    await eventually(() => expect(asked().at(-1)?.missingSat).toBeLessThan(600_000n));
    const request = asked().at(-1);
    if (request === undefined) throw new Error("nothing was asked for");
    expect(request).toMatchObject({ walletId: "hot-1", waitingWithdrawals: 1 });
    expect(request.address).toBe(deriveScript(world.wallet.descriptor, 0, request.index).address);
    expect([0]).not.toContain(request.index);
    expect(await (await vault.get("/refills")).json()).toMatchObject({
      refills: [{ walletId: "hot-1", missingSat: String(request.missingSat), address: request.address }],
    });
    expect(await (await vault.get("/metrics")).text()).toMatch(
      /^sluice_vault_refill_missing_sat\{wallet="hot-1".*\} [1-9]/m,
    );
    await world.observe(fund(world.wallet, request.missingSat, request.index));
    await eventually(() => expect(paid()).toEqual(["small", "large"]));
    expect(await waiting()).toEqual([]);
    await eventually(() => expect(asked().at(-1)).toMatchObject({ missingSat: 0n, waitingWithdrawals: 0 }));
    expect(asked().map(({ revision }) => revision)).toEqual(asked().map((_, at) => at + 1));
    expect(asked().length).toBeLessThanOrEqual(8);

    async function waiting() {
      const shown = (await (await vault.get("/tasks")).json()) as { waiting: readonly Record<string, unknown>[] };
      return shown.waiting;
    }
    function asked() {
      return world.heard("refill.requested.v1").map(({ message }) => message);
    }
    function paid() {
      const payouts = world.heard("transaction.signed.v1").flatMap(({ message }) => message.payouts);
      return payouts.map(({ withdrawalId }) => withdrawalId);
    }
  });
});
