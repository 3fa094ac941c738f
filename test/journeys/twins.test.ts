// Two instances of every online service at once, and each of them in turn killed and started again under load, so that the
// groups rebalance all the while. The checker knows nothing of the services' state.
import { type Child, ONLINE_SERVICES, startParts } from "@sluice/devstack";
import { expect, it } from "vitest";
import { check } from "../chaos/check.ts";
import { makeLoad, startPosting } from "../chaos/load.ts";
import { openNodeRpc } from "../chaos/node-rpc.ts";
import { openObserver } from "../chaos/observe.ts";
import { withStack } from "./with-stack.ts";

const SEED = 20;
const WITHDRAWALS = 60;
const load = makeLoad(SEED, WITHDRAWALS);
const env = { SLUICE_KAFKA_SESSION_TIMEOUT_MS: "6000" };
const stack = withStack({
  policies: async () => load.policies,
  extraEnv: Object.fromEntries(ONLINE_SERVICES.map((name) => [name, env])),
});

it("share the work and take it over from each other: every withdrawal is paid once", async () => {
  const parts = await startParts({ log: () => undefined });
  const rpc = openNodeRpc(parts.bitcoind.rpcUrl);
  const startHeight = await rpc.ask<number>("getblockcount");
  await stack().fund(Array.from({ length: 20 }, () => 1_000_000n));
  const observer = openObserver({
    ...{ stack: stack(), parts, rpc, seed: SEED, startHeight, requiredConfirmations: 2 },
    scripts: { receiving: 100, change: 200 },
  });
  const mining = setInterval(
    () =>
      void stack()
        .chain.mine(1)
        .catch(() => undefined),
    1_000,
  );
  try {
    const twins = new Map<string, Child>();
    for (const name of ONLINE_SERVICES) twins.set(name, await stack().startTwin(name));
    const posting = startPosting({
      ...{ client: stack().client, wanted: load.wanted, perSecond: 4, signal: AbortSignal.timeout(120_000) },
    });
    let killed = 0;
    for (const name of ONLINE_SERVICES) {
      await stack().kill(name);
      killed += 1;
      // The twin is alone until the first is back, and then the first is.
      await stack().restart(name);
      const twin = twins.get(name);
      twin?.process.kill("SIGKILL");
      await twin?.exited;
      killed += 1;
      twins.set(name, await stack().startTwin(name));
    }
    await posting.done;
    await expect.poll(() => observer.unfinished(), { timeout: 90_000, interval: 250 }).toBe(0);
    await expect
      .poll(async () => check(await observer.history(posting.requests())), { timeout: 30_000, interval: 500 })
      .toEqual([]);
    const history = await observer.history(posting.requests());
    const accepted = history.requests.filter(({ answer }) => answer === "accepted").length;
    expect(accepted).toBeGreaterThan(WITHDRAWALS - 5);
    expect(killed).toBe(2 * ONLINE_SERVICES.length);
    process.stdout.write(`twins: ${killed} of 10 instances killed under load, ${accepted} accepted, each paid once\n`);
  } finally {
    clearInterval(mining);
    await observer.close();
  }
}, 240_000);
