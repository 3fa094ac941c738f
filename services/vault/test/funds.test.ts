// Withdrawals for which the coins do not suffice: they wait in sight, smaller ones pass, and new coins set them going.
import { describe, expect, it } from "vitest";
import { fund } from "./support/holders.ts";
import { eventually, spawnVault } from "./support/process.ts";
import { createWorld } from "./support/world.ts";
import { openZone, sign } from "./support/zone.ts";

describe("without enough coins", () => {
  it("a withdrawal waits, a smaller one is paid, and a refill pays the rest", async () => {
    const world = await createWorld();
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

    await world.observe(fund(world.wallet, 900_000n, 1));
    await eventually(() => expect(paid()).toEqual(["small", "large"]));
    expect(await waiting()).toEqual([]);

    async function waiting() {
      const shown = (await (await vault.get("/tasks")).json()) as { waiting: readonly Record<string, unknown>[] };
      return shown.waiting;
    }
    function paid() {
      const payouts = world.heard("transaction.signed.v1").flatMap(({ message }) => message.payouts);
      return payouts.map(({ withdrawalId }) => withdrawalId);
    }
  });
});
