// Every fault of the settings is told at once, and nothing is touched before.
import { ConfigError, readConfig } from "@sluice/runtime";
import { describe, expect, it } from "vitest";
import { settingsSchema } from "./config.ts";

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

function faultsOf(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(settingsSchema, env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ name }) => name);
  }
}
