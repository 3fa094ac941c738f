// What does not validate is named, all of it, and nothing is touched: neither database nor broker nor node is called.
import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, openDeployment, type StartOptions } from "../src/testing.ts";
import { openConsole } from "./console.ts";

const GATEWAY_MAIN = new URL("../../../services/blockchain-gateway/src/main.ts", import.meta.url);

let listener: Awaited<ReturnType<typeof countCalls>>;
let consoleService: Deployment;
let gateway: Deployment;

beforeAll(async () => {
  listener = await countCalls();
  const env = {
    SLUICE_DATABASE_URL: `postgres://somebody@127.0.0.1:${listener.port}/nothing`,
    SLUICE_KAFKA_BROKERS: `127.0.0.1:${listener.port}`,
  };
  consoleService = await openConsole({ env });
  gateway = await openDeployment({
    service: "blockchain-gateway",
    main: GATEWAY_MAIN,
    files: {
      SLUICE_WALLETS_FILE: [{ walletId: "hot", asset: "BTC", descriptor: "wsh(", gapLimit: 20 }],
      SLUICE_BITCOIN_NODES_FILE: { nodes: [{ name: "first", url: `http://127.0.0.1:${listener.port}` }] },
    },
    env: {
      ...env,
      SLUICE_NETWORK: "regtest",
    },
    secrets: { bitcoinNodes: { first: { user: "user", password: randomBytes(12).toString("hex") } } },
  });
});

afterAll(async () => {
  await consoleService.close();
  await gateway.close();
  await listener.close();
});

/** The exit code and the faults that the process named. */
async function faultsOf(service: Deployment, options: StartOptions) {
  const { code, output } = await service.runToEnd(options);
  const lines = output.map((line) => JSON.parse(line) as { readonly fault?: { name: string; rule: string } });
  for (const secret of service.secretTexts) expect(output.join("\n")).not.toContain(secret);
  expect(listener.calls()).toBe(0);
  return { code, faults: lines.flatMap(({ fault }) => (fault === undefined ? [] : [`${fault.name}: ${fault.rule}`])) };
}

describe("a start", () => {
  it("names every missing setting of a service at once", async () => {
    const none = Object.fromEntries(
      ["TRUST_FILE", "SECRETS_SOURCE", "DATABASE_URL", "KAFKA_BROKERS", "HTTP_PORT", "SERVICES_FILE"].map((name) => [
        `SLUICE_${name}`,
        undefined,
      ]),
    );
    expect(await faultsOf(consoleService, { env: none })).toEqual({
      code: 78,
      faults: [
        "SLUICE_DATABASE_URL: is missing",
        "SLUICE_HTTP_PORT: is missing",
        "SLUICE_KAFKA_BROKERS: is missing",
        "SLUICE_SECRETS_SOURCE: is missing",
        "SLUICE_SERVICES_FILE: is missing",
        "SLUICE_TRUST_FILE: is missing",
      ],
    });
  });

  it("names every wrong and every unknown setting at once", async () => {
    const env = {
      SLUICE_DATABASE_URL: "postgres://somebody:hunter2hunter2@127.0.0.1/x",
      SLUICE_KAFKA_BROKERS: "nowhere",
      SLUICE_KAFKA_SESSION_TIMEOUT_MS: "6 seconds",
      SLUICE_TOPIC_PREFIX: "a/b",
      SLUICE_HTTP_PORT: "65536",
      SLUICE_TRUST_FILE: "/nowhere/trust.json",
      SLUICE_LOG_LEVEL: "loud",
      SLUICE_DATABASE_PASSWORD: "hunter2hunter2",
      SLUICE_TYPO: "1",
    };
    const { code, faults } = await faultsOf(consoleService, { env });
    expect(code).toBe(78);
    expect(faults.map((fault) => fault.split(":")[0])).toEqual(Object.keys(env).toSorted());
    expect(faults.join("\n")).not.toContain("hunter2");
  });

  it("names every missing setting of the gateway's own", async () => {
    const env = {
      SLUICE_NETWORK: undefined,
      SLUICE_WALLETS_FILE: undefined,
      SLUICE_BITCOIN_NODES_FILE: undefined,
      SLUICE_POLL_INTERVAL_MS: "0",
      SLUICE_REQUIRED_CONFIRMATIONS: "0",
      SLUICE_START_HEIGHT: "-1",
    };
    expect(await faultsOf(gateway, { env })).toEqual({
      code: 78,
      faults: [
        "SLUICE_BITCOIN_NODES_FILE: is missing",
        "SLUICE_NETWORK: is missing",
        "SLUICE_POLL_INTERVAL_MS: is from 10ms to 1h",
        "SLUICE_REQUIRED_CONFIRMATIONS: is a whole number from 1 to 1000",
        "SLUICE_START_HEIGHT: is a whole number from 0 to 100000000",
        "SLUICE_WALLETS_FILE: is missing",
      ],
    });
  });

  it("refuses a wallet that cannot be read, and says why", async () => {
    expect(await faultsOf(gateway, {})).toEqual({
      code: 78,
      faults: [
        "SLUICE_WALLETS_FILE: hot: DESCRIPTOR_CHECKSUM_MISSING: a wallet's descriptor ends in # and its checksum",
      ],
    });
  });

  it("names every fault of the secrets and shows none of them", async () => {
    const secrets = { sealSeed: "c2hvcnQ=", databasePassword: "", spare: "hunter2hunter2" };
    const { code, faults } = await faultsOf(consoleService, { secrets });
    expect(code).toBe(78);
    expect(faults.map((fault) => fault.split(":")[0])).toEqual([
      "secrets.sealSeed",
      "secrets.databasePassword",
      "secrets",
    ]);
    expect(faults.join("\n")).not.toMatch(/c2hvcnQ|hunter2/);
  });

  it("refuses a seal key that the others would not believe", async () => {
    const secrets = { sealSeed: randomBytes(32).toString("base64") };
    expect(await faultsOf(consoleService, { secrets })).toEqual({
      code: 78,
      faults: ["secrets.sealKeyId: is not a key of ops-console in the trust file"],
    });
  });

  it("fails, and does not hang, when it may start and its database is not there", async () => {
    const closed = await countCalls();
    await closed.close();
    const nowhere = `postgres://somebody@127.0.0.1:${closed.port}/nothing`;
    const env = { SLUICE_DATABASE_URL: nowhere, SLUICE_WAIT_AT_START_MS: "500" };
    const { code, output } = await consoleService.runToEnd({ env });
    expect(code).toBe(1);
    expect(output.join("\n")).toContain("ECONNREFUSED");
    for (const secret of consoleService.secretTexts) expect(output.join("\n")).not.toContain(secret);
  });
});

/** A port on which every call is counted. */
async function countCalls() {
  let calls = 0;
  const server = createServer((socket) => {
    calls += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    calls: () => calls,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
