// Treasury killed before and after each of its durable effects, by name, one after the other on one database: every payout and
// every coin is in the books once.
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OPTIONAL_READERS, PRODUCERS, type Producer } from "@sluice/contracts";
import { crashArming, pointsAround, reachedPoints, walkPoints } from "@sluice/crash-points";
import { type Deployment, openDeployment, until } from "@sluice/online-service/testing";
import { expect, onTestFinished, test } from "vitest";
import { EFFECTS } from "./crash-points.ts";
import { changeSatOf, confirmed, newTxid, observed, signed, type TestTransaction, type Told } from "./messages.ts";

type Ledger = {
  readonly balances: readonly { readonly account: string; readonly amountMinor: string }[];
  readonly reconciliation: { readonly driftSat: string };
  readonly payouts: readonly { readonly withdrawalId: string; readonly standing: string }[];
};

test("whichever effect it dies at, every payout and every coin is booked once", async () => {
  const world = await openWorld();
  const { deployment, reached, given } = world;
  const killed = await walkPoints(pointsAround(EFFECTS), reached, world.live);
  const last = await deployment.start({ flags: crashArming(reached) });
  const ledger = await until(
    async () => (await last.get("/ledger")).json() as Ledger,
    ({ payouts, reconciliation }) =>
      payouts.length === given() &&
      payouts.every(({ standing }) => standing === "posted") &&
      reconciliation.driftSat === "0",
  );
  const balances = Object.fromEntries(ledger.balances.map(({ account, amountMinor }) => [account, amountMinor]));
  expect(balances).toMatchObject({
    "customer:alice": String(100_000 * given()),
    "hot-wallet": String(899_600 * given()),
    "in-flight": "0",
    "network-fees": String(400 * given()),
  });
  // Handled or parked, no message counts twice.
  const { rows } = await deployment.pool.query<{ letters: bigint }>("select count(*) as letters from dead_letter");
  expect(rows).toEqual([{ letters: 1n }]);
  // The last process was started with a trust file that has no key of webhooks any more.
  expect(await world.readers()).toEqual([]);
  // A commit that is not in the list is found here, and the list names nothing that is not there.
  expect(reachedPoints(reached)).toEqual(pointsAround(EFFECTS).toSorted());
  process.stdout.write(`treasury: killed at ${killed} of ${2 * EFFECTS.length} crash points\n`);
}, 600_000);

async function openWorld() {
  const folder = mkdtempSync(join(tmpdir(), "treasury-points-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const deployment = await openDeployment({
    service: "treasury",
    main: new URL("../src/main.ts", import.meta.url),
    env: { SLUICE_MARK_EVERY_MS: "300" },
  });
  onTestFinished(deployment.close);
  let given = 0;
  const tell = ({ type, id, message }: Told) =>
    deployment.publish(type, { id, key: id, occurredAtMs: 1_000, message } as Parameters<typeof deployment.publish>[1]);

  /** A coin that pays alice, and what is left of it. */
  async function giveWork(): Promise<void> {
    given += 1;
    const coin = { txid: newTxid(), vout: 1, amountSat: 1_000_000n };
    const payouts = [{ withdrawalId: `w-${given}`, account: "alice", amountSat: 100_000n }];
    const paid: TestTransaction = { txid: newTxid(), payouts, spent: [coin], feeSat: 400n };
    const change = { txid: paid.txid, vout: 2, amountSat: changeSatOf(paid) };
    for (const told of [observed(coin, 0), signed(paid), confirmed(paid), observed(change, 1)]) await tell(told);
  }

  /** A copy from before its first mark halts the process, until a person says to go on. */
  async function goOn(flags: readonly string[]): Promise<string | null> {
    await deployment.pool.query("update high_water set mark = 0, marked_at = 'epoch', recovering_to = null");
    const service = await deployment.start({ flags, expect: "halted" });
    const highest = service.log().findLast((line) => line["highest"] !== undefined)?.["highest"];
    await service.postJson("/recovery", { mark: highest }).catch(() => undefined);
    return (await service.stop()).signal;
  }

  const readers = async () =>
    (await deployment.pool.query<{ consumer: string }>("select consumer from optional_reader")).rows.map(
      ({ consumer }) => consumer,
    );

  /** Webhooks has come: its key is in the trust file from this start on. */
  async function startWithWebhooks(point: string, flags: readonly string[]): Promise<string | null> {
    const trustFile = join(folder, "trust-with-webhooks.json");
    writeFileSync(trustFile, trustFileWith("webhooks", deployment.sealerOf), { mode: 0o600 });
    const { signal } = await deployment.runToEnd({ flags, env: { SLUICE_TRUST_FILE: trustFile } });
    expect(await readers()).toEqual(point.startsWith("before") ? [] : ["webhooks"]);
    return signal;
  }

  /** A person does it, as soon as the process is ready. */
  async function byHand(flags: readonly string[], action: "retry" | "discard"): Promise<string | null> {
    if (action === "retry") await deployment.publishBytes("coin.observed.v1", "junk", Buffer.from("junk"));
    const service = await deployment.start({ flags });
    const letters = async () =>
      (await deployment.pool.query<{ id: bigint }>("select id from dead_letter order by id")).rows;
    const [letter] = await until(letters, (found) => found.length > 0);
    await service.post(`/dead-letters/${letter?.id}/${action}`).catch(() => undefined);
    return (await service.stop()).signal;
  }

  return {
    deployment,
    readers,
    given: () => given,
    reached: join(folder, "reached"),
    live: async (point: string, flags: readonly string[]) => {
      if (point.endsWith("beginRecovery")) {
        const signal = await goOn(flags);
        return signal;
      }
      if (point.endsWith("setOptionalReaders")) {
        const signal = await startWithWebhooks(point, flags);
        return signal;
      }
      const [, action] = /(retry|discard)DeadLetter$/.exec(point) ?? [];
      await giveWork();
      const signal =
        action === "retry" || action === "discard"
          ? await byHand(flags, action)
          : (await deployment.runToEnd({ flags })).signal;
      return signal;
    },
  };
}

/** The deployment's own, and a key of a reader that it had not before. */
function trustFileWith(reader: Producer, sealerOf: Deployment["sealerOf"]): string {
  const entry = (producer: Producer, keyId: string, key: KeyObject) => {
    const der = key.export({ format: "der", type: "spki" });
    return { producer, keyId, publicKey: der.subarray(-32).toString("base64") };
  };
  const present = PRODUCERS.filter((name) => !OPTIONAL_READERS.some((optional) => optional === name));
  const known = present.map(sealerOf).map(({ producer, keyId, privateKey }) => {
    return entry(producer, keyId, createPublicKey(privateKey));
  });
  return JSON.stringify([...known, entry(reader, `${reader}-1`, generateKeyPairSync("ed25519").publicKey)]);
}
