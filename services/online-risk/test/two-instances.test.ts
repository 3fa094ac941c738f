// Step 2 by two instances at once: each withdrawal is judged once, and they know what the other one has seen.
import { openSession, type Pool } from "@sluice/postgres";
import { describe, expect, it } from "vitest";
import type { Running } from "./process.ts";
import { send } from "./raw-request.ts";
import { CLEARED, clientOf, countRows, newWithdrawal, POLICY, shareWorld } from "./world.ts";

const POLL = { pollMs: 100 };
const LONG = 86_400_000;
/** How long a caller waits on a busy machine is not what this is about; one that asks again is one that must not be doubled. */
const TRIES = 100;
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 40_000, interval: 50 });

describe("two instances", () => {
  const { world: shared, living, handOn, peer: nextTo } = shareWorld();

  it("refuse a nonce that the other one has seen, also after both were killed", async () => {
    const world = shared();
    const [one, two] = await Promise.all([living(), world.start()]);
    const nonce = "seen-by-the-other";
    const ask = async (api: string) => {
      const target = "/v1/withdrawals";
      const { status, body } = await send(api, { key: world.keys.backend, method: "GET", target, nonce });
      return [status, body.code];
    };
    expect(await ask(one.api)).toEqual([200, undefined]);
    expect(await ask(two.api)).toEqual([401, "SIGNATURE_REPLAYED"]);
    await Promise.all([one.end("SIGKILL"), two.end("SIGKILL")]);
    const third = await world.start();
    handOn(third);
    expect(await ask(third.api)).toEqual([401, "SIGNATURE_REPLAYED"]);
  });

  it("judge 200 withdrawals once each", async () => {
    const world = shared();
    const [one, two, peer] = await Promise.all([living(), world.start(), nextTo()]);
    const clients = [clientOf(one, world.keys.backend, TRIES), clientOf(two, world.keys.backend, TRIES)] as const;
    const [first, second, ...others] = Array.from({ length: 200 }, () => newWithdrawal());
    // Each has one in hand before the others come: however many one takes at once, both have a share.
    const held = await holdVerdicts(world.pool);
    for (const [n, withdrawal] of [first, second].entries()) {
      await clients[0].createWithdrawal(withdrawal ?? newWithdrawal());
      await eventually(() => countRows(world.pool, WAITING)).toBe(n + 1);
    }
    await Promise.all(others.map((withdrawal, n) => clients[n % 2 === 0 ? 0 : 1].createWithdrawal(withdrawal)));
    await held.close();
    await eventually(() => peer.cleared.length).toBe(200);
    expect(new Set(peer.cleared.map(({ message }) => message.withdrawalId)).size).toBe(200);
    expect(await countRows(world.pool, "withdrawal where state = 'cleared' and revision = 2")).toBe(200);
    expect(await countRows(world.pool, "finding")).toBe(200 * 8);
    expect(await countRows(world.pool, CLEARED)).toBe(200);
    const verdictsOf = async (internal: string) => {
      const text = await (await fetch(`${internal}/metrics`)).text();
      return Number(/verdicts_total\{verdict="clear".*\} (\d+)/.exec(text)?.[1] ?? "0");
    };
    const shares = [await verdictsOf(one.internal), await verdictsOf(two.internal)];
    process.stderr.write(`judged by each instance: ${shares.join(", ")}\n`);
    expect((shares[0] ?? 0) + (shares[1] ?? 0)).toBe(200);
    for (const share of shares) expect(share).toBeGreaterThan(0);
  });
});

describe("two instances with a limit of five to an account", () => {
  const { world: shared, living } = shareWorld({ policy: { accountWindows: [{ windowMs: LONG, maxCount: 5 }] } });
  let two: Promise<Running> | undefined;
  const both = () => {
    two ??= shared().start();
    return Promise.all([living(), two]);
  };
  const of = (account: string, state: string) => `withdrawal where account = '${account}' and state = '${state}'`;

  it("wait for each other with two withdrawals of one account", async () => {
    const [world, [one, two]] = [shared(), await both()];
    const account = "pair";
    const first = clientOf(one, world.keys.backend);
    // One more of the account may pass.
    for (let n = 0; n < 4; n += 1) {
      const { id } = await first.createWithdrawal(newWithdrawal({ account }));
      expect((await first.waitFor(id, ["cleared", "delayed"], POLL)).state).toBe("cleared");
    }
    const held = await holdVerdicts(world.pool);
    const clients = [clientOf(one, world.keys.backend), clientOf(two, world.keys.backend)] as const;
    // The second comes while one instance has the first in hand, so that the other takes it.
    for (const [n, client] of clients.entries()) {
      await client.createWithdrawal(newWithdrawal({ account }));
      await eventually(() => countRows(world.pool, WAITING)).toBe(n + 1);
    }
    await held.close();
    await eventually(() => countRows(world.pool, "withdrawal where state = 'received'")).toBe(0);
    expect(await countRows(world.pool, of(account, "cleared"))).toBe(4 + 1);
    expect(await countRows(world.pool, of(account, "delayed"))).toBe(1);
  });

  it("both judge by the policy that one of them was told to activate, from its answer on", async () => {
    const [world, [one, two]] = [shared(), await both()];
    const text = JSON.stringify({ ...POLICY, maxAmountMinor: "9999" });
    const { version, sha256 } = await clientOf(one, world.keys.ann).proposePolicy(text);
    expect((await clientOf(two, world.keys.bob).activatePolicy(version, sha256)).state).toBe("active");
    const clients = [clientOf(one, world.keys.backend), clientOf(two, world.keys.backend)] as const;
    const asked = Array.from({ length: 12 }, (_, n) => newWithdrawal({ account: `live-${n}` }));
    await Promise.all(asked.map((withdrawal, n) => clients[n % 2 === 0 ? 0 : 1].createWithdrawal(withdrawal)));
    for (const { id } of asked) {
      const { state, findings } = await clients[0].waitFor(id, ["rejected"], POLL);
      expect([state, ...new Set(findings.map(({ policyVersion }) => policyVersion))]).toEqual(["rejected", version]);
    }
    const ready = await (await fetch(`${two.internal}/readyz`)).json();
    const { detail } = (ready as { dependencies: { name: string; detail: string }[] }).dependencies.find(
      ({ name }) => name === "policy",
    ) ?? { detail: "" };
    expect(detail).toContain(`version ${version}, ${sha256}; the file given at start says something else`);
    const back = JSON.stringify({ ...POLICY, accountWindows: [{ windowMs: LONG, maxCount: 5 }] });
    const again = await clientOf(two, world.keys.bob).proposePolicy(back);
    await clientOf(one, world.keys.ann).activatePolicy(again.version, again.sha256);
  });

  it("keep an account's limit between them", async () => {
    const [world, [one, two]] = [shared(), await both()];
    const clients = [clientOf(one, world.keys.backend, TRIES), clientOf(two, world.keys.backend, TRIES)] as const;
    const asked = Array.from({ length: 40 }, () => newWithdrawal());
    await Promise.all(asked.map((withdrawal, n) => clients[n % 2 === 0 ? 0 : 1].createWithdrawal(withdrawal)));
    await eventually(() => countRows(world.pool, "withdrawal where state = 'received'")).toBe(0);
    expect(await countRows(world.pool, of("acme", "cleared"))).toBe(5);
    expect(await countRows(world.pool, `${of("acme", "delayed")} and detail like '%VELOCITY%'`)).toBe(35);
    const other = await clients[0].createWithdrawal(newWithdrawal({ account: "other" }));
    expect((await clients[0].waitFor(other.id, ["cleared", "delayed"], POLL)).state).toBe("cleared");
  });
});

/** Whoever waits for a lock in this database. */
const WAITING = "pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";

/** Until it is closed judgements can be read for, but not written: each instance comes as far as it can with what it has taken. */
async function holdVerdicts(pool: Pool) {
  const session = await openSession(pool);
  await session.query("begin; lock table finding in exclusive mode");
  return session;
}
