// What a withdrawal is quoted: as the nodes' estimates say, kept with it for ever, and sealed when the customer pays.
import { expect, it } from "vitest";
import { createPeer, type Outgoing } from "./peer.ts";
import { clientOf, createWorld, newWithdrawal } from "./world.ts";

it("is the estimate of its priority; it stays as it was quoted; the clearance says what the customer is charged", async () => {
  const fees = { BTC: { payer: "customer", vbytes: 200, targetBlocks: { fast: 2, normal: 6, economy: 24 } } };
  const world = await createWorld({ policy: { fees } });
  const peer = await createPeer(world);
  const running = await world.start();
  const client = clientOf(running, world.keys.backend);
  const amounts = async () => (await client.getFees("BTC")).quotes.map(({ amount }) => amount);
  expect(await amounts()).toEqual(["1000", "1000", "1000"]);
  // While no node has an estimate nobody knows when it is paid, and that is said.
  const expectedMs = async () => (await client.getFees("BTC")).quotes.map((quote) => quote.expectedMs);
  expect(await expectedMs()).toEqual([null, null, null]);
  const early = newWithdrawal();
  expect((await client.createWithdrawal(early)).fee).toEqual({ payer: "customer", amount: "1000" });

  const estimated = (satPerKvbyte: bigint, estimatedAtMs: number): Outgoing => ({
    ...{ key: world.keys.gateway, type: "fee.estimated.v1", id: `fees/${estimatedAtMs}` },
    message: {
      estimates: [
        { targetBlocks: 2, satPerKvbyte },
        { targetBlocks: 6, satPerKvbyte: satPerKvbyte / 2n },
      ],
      ...{ minimumSatPerKvbyte: 1_000n, estimatedAtMs, nodes: 2 },
    },
  });
  const now = Date.now();
  // The older one comes last and changes nothing.
  await peer.publish([estimated(40_000n, now)]);
  await expect.poll(amounts, { timeout: 20_000 }).toEqual(["8000", "4000", "4000"]);
  await peer.publish([estimated(2_000n, now - 1_000)]);
  for (const interval of await expectedMs()) expect(interval?.latest).toBeGreaterThan(interval?.typical ?? Number.NaN);
  const { expected, receivedAtMs } = await client.getWithdrawal(early.id);
  expect(expected?.waitsFor).toBe("nothing");
  expect(expected?.typicalAtMs).toBeGreaterThan(receivedAtMs);

  const urgent = newWithdrawal({ priority: "fast", maxFee: 8_000n });
  expect(await client.createWithdrawal(urgent)).toMatchObject({ priority: "fast", fee: { amount: "8000" } });
  await expect(client.createWithdrawal(newWithdrawal({ priority: "fast", maxFee: 7_999n }))).rejects.toMatchObject({
    ...{ status: 422, code: "FEE_ABOVE_MAX" },
    errors: [{ field: "maxFee", code: "FEE_ABOVE_MAX", rule: expect.stringContaining("8000") }],
  });
  await expect(client.getFees("DOGE")).rejects.toMatchObject({ status: 404, code: "ASSET_UNKNOWN" });

  await client.waitFor(urgent.id, ["cleared"], { pollMs: 100 });
  expect((await client.getWithdrawal(early.id)).fee.amount).toBe("1000");
  await expect.poll(() => peer.cleared.length, { timeout: 20_000 }).toBe(2);
  expect(await amounts()).toEqual(["8000", "4000", "4000"]);
  const charged = peer.cleared.map(({ message }) => [message.withdrawalId, message.customerFeeMinor]);
  expect(Object.fromEntries(charged)).toEqual({ [early.id]: "1000", [urgent.id]: "8000" });
});
