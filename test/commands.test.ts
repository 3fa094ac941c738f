// The two commands that a person runs, each as a process: what they print, how they end, and that nothing is left.
import { createPrivateKey } from "node:crypto";
import { createSluiceClient } from "@sluice/client";
import { TOPICS } from "@sluice/contracts";
import { ONLINE_SERVICES, START_ORDER } from "@sluice/devstack";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, expect, it } from "vitest";
import { type Command, startCommand } from "./command.ts";

const WITHIN_MS = 120_000;
/** Itself and every process of the stack. */
const PROCESSES = 1 + START_ORDER.length;

const commands: Command[] = [];
afterAll(() => {
  for (const command of commands) command.clear();
});

function start(...run: Parameters<typeof startCommand>): Command {
  const command = startCommand(...run);
  commands.push(command);
  return command;
}

function expectNothingLeft({ processes, files }: Command): void {
  expect(processes()).toEqual([]);
  expect(files()).toEqual([]);
}

it("demo: ends well with its one line of counts, and leaves nothing", { timeout: WITHIN_MS }, async () => {
  const command = start("demo");
  await command.line(/demo-5: posted/);
  expect(command.processes()).toHaveLength(PROCESSES);
  expect(command.files()).not.toEqual([]);
  const { code, stdout, stderr } = await command.ended;
  expect({ code, last: stdout.at(-1), stderr }).toEqual({
    code: 0,
    last: "demo: 5 withdrawals, 3 completed, 1 rejected, 1 refused",
    stderr: [],
  });
  expectNothingLeft(command);
});

it("demo: interrupted halfway, it stops everything and says so", { timeout: WITHIN_MS }, async () => {
  const command = start("demo");
  await command.line(/demo-5: posted/);
  expect(command.processes()).toHaveLength(PROCESSES);
  command.interrupt();
  const { code, signal, stdout, stderr } = await command.ended;
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(stderr[0]).toContain("demo failed: Error: SIGINT");
  expect(stdout.filter((line) => line.startsWith("demo:"))).toEqual([]);
  expectNothingLeft(command);
});

it("stack: one line with everything that a backend's test needs", { timeout: WITHIN_MS }, async () => {
  const command = start("stack");
  const given = JSON.parse(await command.line(/./)) as Addresses;
  expect(command.processes()).toHaveLength(PROCESSES);
  expect(await listTopics(given)).toEqual(expect.arrayContaining(TOPICS.map((t) => `${given.kafkaTopicPrefix}${t}`)));
  expect(given).toMatchObject({
    network: "regtest",
    walletId: "hot-1",
    walletDescriptor: expect.stringMatching(/^wsh\(sortedmulti\(2,.*#[0-9a-z]{8}$/),
    kafkaBrokers: process.env["KAFKA_BROKERS"]?.split(","),
    postgresUrl: process.env["DATABASE_URL"],
    offlinePostgresUrl: process.env["OFFLINE_DATABASE_URL"],
    bitcoindRpcUrl: process.env["BITCOIN_RPC_URL"],
    semiOfflineIsolated: expect.any(Boolean),
  });
  expect(Object.keys(given.servicesHttp).toSorted()).toEqual(ONLINE_SERVICES.toSorted());
  for (const url of [...Object.values(given.servicesHttp), given.consoleUrl]) {
    const ready = await fetch(`${url}/readyz`);
    expect(ready.status, `${url}: ${await ready.text()}`).toBe(200);
  }
  await payOne(given);
  command.interrupt();
  const { code, signal, stdout } = await command.ended;
  expect({ code, signal, lines: stdout.length }).toEqual({ code: 0, signal: null, lines: 1 });
  expectNothingLeft(command);
  expect((await listTopics(given)).filter((topic) => topic.startsWith(given.kafkaTopicPrefix))).toEqual([]);
});

type Addresses = {
  readonly apiUrl: string;
  readonly keyId: string;
  readonly privateKey: string;
  readonly officers: readonly { readonly keyId: string; readonly privateKey: string }[];
  readonly consoleUrl: string;
  readonly servicesHttp: Readonly<Record<string, string>>;
  readonly bitcoindRpcUrl: string;
  readonly kafkaBrokers: readonly string[];
  readonly kafkaTopicPrefix: string;
};

async function listTopics({ kafkaBrokers }: Addresses): Promise<readonly string[]> {
  const admin = new Kafka({ brokers: [...kafkaBrokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

/** BIP173's own example program, on regtest. */
const DESTINATION = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

/** With nothing but what was printed. */
async function payOne({ apiUrl, keyId, privateKey, officers, bitcoindRpcUrl }: Addresses): Promise<void> {
  const clientOf = (key: Addresses["officers"][number]) =>
    createSluiceClient({ baseUrl: apiUrl, keyId: key.keyId, privateKey: createPrivateKey(key.privateKey) });
  const client = clientOf({ keyId, privateKey });
  const id = "printed-1";
  await client.createWithdrawal({ id, account: "alice", asset: "BTC", amount: 123_456n, address: DESTINATION });
  for (const officer of officers.map(clientOf)) {
    await expect(officer.approveWithdrawal(id), "has the scope, and nothing to approve").rejects.toMatchObject({
      code: "NOT_HELD",
    });
  }
  for (let state = ""; state !== "completed"; ) {
    ({ state } = await client.waitFor(id, ["broadcast", "confirming"], { pollMs: 100 }));
    expect(["broadcast", "confirming", "completed"]).toContain(state);
    await ask(bitcoindRpcUrl, "generatetodescriptor", 1, "raw(51)");
  }
  const { txid } = await client.getWithdrawal(id);
  const { vout } = (await ask(bitcoindRpcUrl, "getrawtransaction", txid, true)) as {
    readonly vout: readonly { readonly value: number; readonly scriptPubKey: { readonly address?: string } }[];
  };
  const paid = vout.filter(({ scriptPubKey }) => scriptPubKey.address === DESTINATION);
  expect(paid.map(({ value }) => Math.round(value * 100_000_000))).toEqual([123_456]);
}

async function ask(rpcUrl: string, method: string, ...params: readonly unknown[]): Promise<unknown> {
  const { origin, username, password } = new URL(rpcUrl);
  const answer = await fetch(origin, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` },
    body: JSON.stringify({ method, params }),
  });
  const { result, error } = (await answer.json()) as { readonly result: unknown; readonly error: unknown };
  if (error !== null && error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
  return result;
}

it("stack: with wrong arguments it says the usage, and starts nothing", async () => {
  const wrong = [["--nonsense"], ["--mine-every", "0"], ["--mine-every", "1", "more"]];
  const runs = wrong.map((args) => start("stack", ...args));
  for (const [at, command] of runs.entries()) {
    const { code, stdout, stderr } = await command.ended;
    expect({ code, stdout }, wrong[at]?.join(" ")).toEqual({ code: 64, stdout: [] });
    expect(stderr.join("\n"), wrong[at]?.join(" ")).toMatch(/usage: pnpm stack /);
    expectNothingLeft(command);
  }
});
