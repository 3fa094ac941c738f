// Every process is killed while withdrawals flow, and started again: each withdrawal is paid once, none is lost.
import { type ProcessName, START_ORDER } from "@sluice/devstack";
import { expect, it } from "vitest";
import { follow, paymentsTo, withStack } from "./with-stack.ts";

const stack = withStack();
const PER_KILL = 3;

it("kill -9 of each process in turn, with withdrawals in flight", async () => {
  await stack().fund(Array.from({ length: 12 }, () => 5_000_000n));
  const posted: { id: string; address: string }[] = [];
  let killed = 0;
  for (const name of START_ORDER) {
    for (let at = 0; at < PER_KILL; at += 1) posted.push(await post(`crash-${name}-${at}`));
    // A different moment of the journey each time.
    await new Promise((resolve) => setTimeout(resolve, (killed * 137) % 900));
    await killAndRestart(name);
    killed += 1;
  }
  const ended = await Promise.all(posted.map(({ id }) => follow(stack(), id, ["completed"], 110_000)));
  expect(ended.map(({ id, state }) => `${id} ${state}`)).toEqual(posted.map(({ id }) => `${id} completed`));
  for (const { id, address } of posted) expect(await paymentsTo(stack(), address), id).toHaveLength(1);
  expect(killed).toBe(START_ORDER.length);
  process.stdout.write(`crashed: ${killed} processes killed, ${posted.length} withdrawals, each paid once\n`);
}, 170_000);

it("two holders away: the withdrawal waits in a state that a person can read, and goes on when one is back", async () => {
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

async function killAndRestart(name: ProcessName): Promise<void> {
  await stack().kill(name);
  await stack().restart(name);
}

async function post(id: string): Promise<{ readonly id: string; readonly address: string }> {
  const address = await stack().chain.newAddress();
  await stack().client.createWithdrawal({ id, account: "alice", asset: "BTC", amount: 150_000n, address });
  return { id, address };
}
