// Two of three holders are away: nothing is paid, and the withdrawal says why it waits. Kills at random: test/chaos.
import { expect, it } from "vitest";
import { follow, paymentsTo, withStack } from "./with-stack.ts";

const stack = withStack();

it("two holders away: the withdrawal waits in a state that a person can read, and goes on when one is back", async () => {
  await stack().fund([5_000_000n]);
  await stack().kill("semi-offline-signer-a");
  await stack().kill("semi-offline-signer-b");
  const { id, address } = await post("quorum-1");
  const waiting = await follow(stack(), id, ["signing_delayed"]);
  expect(waiting.state).toBe("signing_delayed");
  expect(waiting.findings.map(({ rule }) => rule)).toContain("HOLDERS_UNAVAILABLE");
  expect(await paymentsTo(stack(), address)).toEqual([]);
  await stack().restart("semi-offline-signer-b");
  expect((await follow(stack(), id, ["completed"])).state).toBe("completed");
  await stack().restart("semi-offline-signer-a");
  expect(await paymentsTo(stack(), address)).toHaveLength(1);
}, 120_000);

async function post(id: string): Promise<{ readonly id: string; readonly address: string }> {
  const address = await stack().chain.newAddress();
  await stack().client.createWithdrawal({ id, account: "alice", asset: "BTC", amount: 150_000n, address });
  return { id, address };
}
