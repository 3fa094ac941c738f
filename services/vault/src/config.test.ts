// Every fault of the settings is told at once, and nothing is touched before.

import { testBridgeKey, testBridgeKeys } from "@sluice/bridge/testing";
import { ConfigError, readConfig } from "@sluice/runtime";
import { describe, expect, it } from "vitest";
import { bridgeSessionOf, type Settings, settingsSchema } from "./config.ts";

describe("the settings", () => {
  it("names every missing and every unknown setting together", () => {
    const faults = faultsOf({ SLUICE_HTTP_PORT: "70000", SLUICE_FEERATE: "3", SLUICE_BRIDGE_CARRIER: "relative.sock" });
    expect(faults).toEqual([
      "SLUICE_BRIDGE_CARRIER",
      "SLUICE_BRIDGE_KEYS_FILE",
      "SLUICE_DATABASE_URL",
      "SLUICE_FEERATE",
      "SLUICE_FEE_RATE_SAT_PER_VBYTE",
      "SLUICE_HTTP_PORT",
      "SLUICE_KAFKA_BROKERS",
      "SLUICE_NETWORK",
      "SLUICE_SECRETS_SOURCE",
      "SLUICE_TRUST_FILE",
      "SLUICE_WALLETS_FILE",
    ]);
  });
});

describe("the keys of the bridge", () => {
  const session = (publicKeys: Readonly<Record<string, string>>) => () => {
    const settings = { SLUICE_BRIDGE_KEYS_FILE: publicKeys, SLUICE_NETWORK: "regtest" } as unknown as Settings;
    return bridgeSessionOf(settings, { sealKeyId: "", sealSeed: "", bridgeKey: testBridgeKey("vault") });
  };

  it("are vault's own and the zone's, for one network and one version of the messages", () => {
    expect(session(testBridgeKeys(["vault", "semi-offline-risk"]))()).toMatchObject({
      network: "regtest",
      schema: "sluice.v1",
    });
  });

  it("stop the start when one is missing or another's, and the fault names it", () => {
    const { "semi-offline-risk": zone = "" } = testBridgeKeys(["semi-offline-risk"]);
    expect(session({ vault: zone })).toThrow(
      /SLUICE_BRIDGE_KEYS_FILE vault: is not the public half of this process's key/,
    );
    expect(session({ vault: zone })).toThrow(/SLUICE_BRIDGE_KEYS_FILE semi-offline-risk: is missing/);
  });
});

function faultsOf(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(settingsSchema, env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ name }) => name);
  }
}
