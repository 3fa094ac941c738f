// A process that is set up wrongly says everything that is wrong, exits 78, and has touched nothing.

import { createPool } from "@sluice/postgres";
import { createTestDatabase } from "@sluice/postgres/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { addressNumber } from "./addresses.ts";
import { createKey, trustEntry } from "./keys.ts";
import { type LogLine, runToEnd, writeFiles } from "./process.ts";
import { createWorld, POLICY } from "./world.ts";

function faultsIn(log: readonly LogLine[]): readonly string[] {
  return log.flatMap((line) => {
    const fault = line["fault"] as { readonly name: string; readonly rule: string } | undefined;
    return fault === undefined ? [] : [`${fault.name}: ${fault.rule}`];
  });
}

describe("a wrong set-up", () => {
  it("is told with every fault at once", async () => {
    const { env } = await createWorld();
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const files = await writeFiles({
      policy: { ...POLICY, maxAmountMinor: 5, accountWindows: [{ windowMs: 1 }], generosity: "high" },
      keys: [{ keyId: "k", scopes: ["pay"], ipAllowList: ["10.0.0.1", "::/129"] }],
    });
    const { code, log } = await runToEnd({
      ...env,
      SLUICE_DATABASE_URL: database.url,
      SLUICE_KAFKA_BROKERS: "nowhere",
      SLUICE_NETWORK: "moon",
      SLUICE_API_PORT: "70000",
      SLUICE_HTTP_PORT: "",
      SLUICE_SIGNATURE_WINDOW_MS: "soon",
      SLUICE_POLICY_FILE: files.policy,
      SLUICE_API_KEYS_FILE: files.keys,
      SLUICE_COLOUR: "blue",
    });
    expect(code).toBe(78);
    const faults = faultsIn(log);
    const named = [...new Set(faults.map((fault) => fault.split(":")[0]))];
    expect(named).toEqual([
      ...["SLUICE_API_KEYS_FILE", "SLUICE_API_PORT", "SLUICE_COLOUR", "SLUICE_DATABASE_URL", "SLUICE_HTTP_PORT"],
      ...["SLUICE_KAFKA_BROKERS", "SLUICE_NETWORK", "SLUICE_POLICY_FILE", "SLUICE_SIGNATURE_WINDOW_MS"],
    ]);
    const text = faults.join("\n");
    for (const part of ["maxAmountMinor", "generosity", "accountWindows.0", "bounds nothing", "0.ipAllowList.1"]) {
      expect(text).toContain(part);
    }
    const pool = createPool({ url: database.url, applicationName: "test", max: 1 });
    onTestFinished(() => pool.end());
    expect((await pool.query("select from pg_tables where schemaname = 'public'")).rowCount).toBe(0);
  });

  it("is told where files disagree with each other and with the network", async () => {
    const { env, keys } = await createWorld();
    const label = { tier: "black", category: "theft", reason: "stolen coins" };
    const files = await writeFiles({
      trust: [trustEntry(keys.backend), trustEntry(keys.service)],
      wallets: [{ walletId: "hot", asset: "BTC", descriptor: "wsh(pk(nonsense))", gapLimit: 20 }],
      policy: {
        ...POLICY,
        labels: [
          { ...label, address: addressNumber(1, "mainnet") },
          { ...label, address: addressNumber(2) },
          { ...label, address: addressNumber(2).toUpperCase() },
        ],
      },
    });
    const { code, log } = await runToEnd({
      ...env,
      SLUICE_TRUST_FILE: files.trust,
      SLUICE_POLICY_FILE: files.policy,
      SLUICE_WALLETS_FILE: files.wallets,
    });
    expect(code).toBe(78);
    const text = faultsIn(log).join("\n");
    expect(text).toContain("labels.0.address: ADDRESS_WRONG_NETWORK");
    expect(text).toContain("labels.2.address: is labelled already");
    expect(text).toContain("SLUICE_WALLETS_FILE: hot: ");
    expect(text).toContain("SLUICE_API_KEYS_FILE: reader: is not in the trust file as a key of exchange-backend");
  });

  it("is told where the own seal key is not the one that the others trust", async () => {
    const { env, keys, pool } = await createWorld();
    const others = Object.values(keys).filter((key) => key !== keys.service);
    const imposter = createKey("online-risk", keys.service.keyId);
    const files = await writeFiles({ trust: [...others, imposter].map((key) => trustEntry(key)) });
    const { code, log } = await runToEnd({ ...env, SLUICE_TRUST_FILE: files.trust });
    expect(code).toBe(78);
    expect(faultsIn(log).join()).toContain("secrets.sealKeyId");
    expect((await pool.query("select from pg_tables where schemaname = 'public'")).rowCount).toBe(0);
  });

  it("never shows a secret, right or wrong", async () => {
    const world = await createWorld();
    const seed = Buffer.alloc(31, 7).toString("base64");
    const files = await writeFiles({
      secrets: { sealKeyId: "k", sealSeed: seed, databasePassword: "hunter2-hunter2" },
    });
    const wrong = await runToEnd({ ...world.env, SLUICE_SECRETS_SOURCE: files.secrets });
    expect(wrong.code).toBe(78);
    expect(faultsIn(wrong.log).join()).toContain("secrets.sealSeed");
    const output = JSON.stringify(wrong.log);
    for (const secret of [seed, "hunter2-hunter2"]) expect(output).not.toContain(secret);
    const running = await world.start();
    expect(await running.end("SIGTERM")).toBe(0);
    expect(JSON.stringify(running.log)).not.toContain(new URL(process.env["DATABASE_URL"] ?? "").password);
  });
});
