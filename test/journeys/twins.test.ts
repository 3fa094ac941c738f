// Two instances of every online service at once, and each of them in turn killed and started again under load, so that the
// groups rebalance all the while. The checker knows nothing of the services' state.
import { setTimeout as delay } from "node:timers/promises";
import { type Child, ONLINE_SERVICES, type OnlineService, startParts } from "@sluice/devstack";
import { expect, it } from "vitest";
import { check } from "../chaos/check.ts";
import { makeLoad, startPosting } from "../chaos/load.ts";
import { openNodeRpc } from "../chaos/node-rpc.ts";
import { openObserver } from "../chaos/observe.ts";
import { measureStops } from "./stop-times.ts";
import { withStack } from "./with-stack.ts";

const SEED = 20;
const WITHDRAWALS = 50;
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
    const started = ONLINE_SERVICES.map(async (name) => twins.set(name, await stack().startTwin(name)));
    await Promise.all(started);
    const tookMs = await measureStops(stack(), 5);
    process.stdout.write(
      `suspensions: in the zone's database ${tookMs.join(", ")} ms after the call, two instances of each service\n`,
    );
    const posting = startPosting({
      ...{ client: stack().client, wanted: load.wanted, perSecond: 3, signal: AbortSignal.timeout(120_000) },
    });
    // Every first instance is killed and comes back while its twin is alone; then it is the twins' turn.
    let killed = 0;
    const inTurn = async (killOne: (name: OnlineService) => Promise<void>): Promise<void> => {
      const back: Promise<void>[] = [];
      for (const name of ONLINE_SERVICES) {
        back.push(killOne(name));
        killed += 1;
        await delay(400);
      }
      await Promise.all(back);
    };
    await inTurn(async (name) => {
      await stack().kill(name);
      await stack().restart(name);
    });
    await inTurn(async (name) => {
      const twin = twins.get(name);
      twin?.process.kill("SIGKILL");
      await twin?.exited;
      twins.set(name, await stack().startTwin(name));
    });
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
