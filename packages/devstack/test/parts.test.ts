// The real parts that this run uses: each answers, and is what it has to be.

import { Kafka, logLevel } from "kafkajs";
import { Client } from "pg";
import { describe, expect, test } from "vitest";
import { networkInterfacesOf, readPermissions, startParts } from "../src/index.ts";
import { parseSocketDirectory, readAddresses } from "../src/parts/addresses.ts";
import { askBitcoind } from "../src/parts/bitcoind-rpc.ts";
import { findFreePorts } from "../src/parts/ports.ts";
import { readServerPid } from "../src/parts/postgres-socket.ts";

function address(name: "KAFKA_BROKERS" | "DATABASE_URL" | "OFFLINE_DATABASE_URL" | "BITCOIN_RPC_URL"): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: no parts were started for this run`);
  return value;
}

async function settingsOf(url: string): Promise<Record<string, string>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; setting: string }>("SELECT name, setting FROM pg_settings");
    return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  } finally {
    await client.end();
  }
}

describe("each part answers", () => {
  test("Kafka has a broker and creates no topic by itself", async () => {
    const kafka = new Kafka({ brokers: address("KAFKA_BROKERS").split(","), logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    try {
      expect((await admin.describeCluster()).brokers.length).toBeGreaterThan(0);
      await expect(admin.fetchTopicMetadata({ topics: ["nobody.created.this.v1"] })).rejects.toMatchObject({
        type: "UNKNOWN_TOPIC_OR_PARTITION",
      });
    } finally {
      await admin.disconnect();
    }
  });

  test("Postgres of the online zone answers over TCP and commits to the disk", async () => {
    const settings = await settingsOf(address("DATABASE_URL"));
    expect(Number(settings["server_version_num"])).toBeGreaterThanOrEqual(160_000);
    expect(settings).toMatchObject({ fsync: "on", synchronous_commit: "on", full_page_writes: "on" });
  });

  test("Postgres of the online zone wants its password", async () => {
    const url = new URL(address("DATABASE_URL"));
    url.password = "wrong";
    await expect(settingsOf(url.href)).rejects.toMatchObject({ code: "28P01" });
  });

  test("Postgres of the semi-offline zone listens on no address, and sees no network where the machine permits that", async () => {
    const url = address("OFFLINE_DATABASE_URL");
    expect(await settingsOf(url)).toMatchObject({ listen_addresses: "", fsync: "on", synchronous_commit: "on" });
    const parts = await startParts({ log: () => undefined, which: ["offlinePostgres"] });
    const { isolated, how } = parts.offlinePostgres;
    await parts.stop();
    expect(how).toBe("environment");
    const pid = readServerPid(parseSocketDirectory(url));
    if (isolated && pid !== null) expect(networkInterfacesOf(pid)).toEqual(["lo"]);
    if (readPermissions().networkNamespace !== "none" && process.getuid?.() === 0) expect(isolated).toBe(true);
  });

  test("bitcoind is on regtest and knows every transaction", async () => {
    const rpcUrl = address("BITCOIN_RPC_URL");
    expect(await askBitcoind(rpcUrl, "getblockchaininfo")).toMatchObject({ ok: true, result: { chain: "regtest" } });
    expect(await askBitcoind(rpcUrl, "getindexinfo")).toMatchObject({
      ok: true,
      result: { txindex: expect.anything() },
    });
    const wrong = new URL(rpcUrl);
    wrong.password = "wrong";
    expect(await askBitcoind(wrong.href, "getblockchaininfo")).toMatchObject({ ok: false, code: 401 });
  });
});

describe("starting parts", () => {
  test("those of the environment are checked, used and left running", async () => {
    const lines: string[] = [];
    const parts = await startParts({ log: (line) => lines.push(line) });
    expect([parts.kafka.how, parts.postgres.how, parts.offlinePostgres.how, parts.bitcoind.how]).toEqual(
      Array(4).fill("environment"),
    );
    expect(parts.kafka.brokers.join(",")).toBe(address("KAFKA_BROKERS"));
    await parts.stop();
    expect(Object.keys(await settingsOf(address("DATABASE_URL")))).toContain("fsync");
    expect(lines.at(-1)).toMatch(/^all parts ready after \d+\.\d s$/);
  });

  test("every fault is told at once, with the variable's name and without the password", async () => {
    const [port = 0] = await findFreePorts(1);
    const env = {
      KAFKA_BROKERS: `127.0.0.1:${port}`,
      DATABASE_URL: `postgres://postgres:hunter2@127.0.0.1:${port}/postgres`,
      OFFLINE_DATABASE_URL: "postgres:///postgres?host=/no/such/folder&user=postgres",
      BITCOIN_RPC_URL: `http://user:hunter2@127.0.0.1:${port}`,
    };
    const error = await startParts({ log: () => undefined, env }).catch((reason: unknown) => reason);
    if (!(error instanceof AggregateError)) throw new Error(`expected an AggregateError, got ${String(error)}`);
    expect(error.errors).toHaveLength(4);
    for (const name of Object.keys(readAddresses(env))) expect(error.message).toContain(`${name}: nothing answers`);
    expect(error.message).not.toContain("hunter2");
  });
});
