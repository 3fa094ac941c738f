// The settings and secrets of vault: those of every online service, and its own.
import { type BridgeSession, bridgeIdentity, carrierAddressFor, defaultCarrier } from "@sluice/bridge";
import { NETWORKS, openWallets, type Wallet, walletsFileSchema } from "@sluice/chains";
import { BRIDGE_SCHEMA, bridgeKeySchema, bridgeKeysFileSchema } from "@sluice/contracts";
import { onlineSecrets, onlineSettings } from "@sluice/online-service";
import { faultsOfPlanning, planningSettings } from "@sluice/planning";
import { ConfigError, setting, z } from "@sluice/runtime";
import type { BumpPolicy } from "./bump-wallet.ts";

export const settingsSchema = z
  .object({
    ...onlineSettings,
    SLUICE_NETWORK: z.enum(NETWORKS),
    SLUICE_WALLETS_FILE: setting.jsonFile(walletsFileSchema),
    /** The line to the semi-offline zone, which listens. */
    SLUICE_BRIDGE_CARRIER: setting.parsed(carrierAddressFor("connect")).default(defaultCarrier("vault")),
    /** The public keys of the ends of bridges. */
    SLUICE_BRIDGE_KEYS_FILE: setting.jsonFile(bridgeKeysFileSchema),
    /** Sealed bundles for the zone are dropped here. */
    SLUICE_BUNDLE_DIRECTORY: setting.directory().optional(),
    ...planningSettings,
    /** So many tasks of a wallet may wait for the semi-offline zone; until it answers, no more are planned. */
    SLUICE_OPEN_TASKS_MAX: setting.whole({ min: 1, max: 400 }).default(32),
    /** A task without a verdict is asked for again after this, then ever more rarely up to twelve times this. */
    SLUICE_ASK_AGAIN_MS: setting.durationMs().default(5_000),
    /** What a transaction that does not get into a block may cost once it is bumped. The zone judges by its own caps again. */
    SLUICE_BUMP_MAX_FEE_SAT: setting.minorUnits().default(100_000n),
    SLUICE_BUMP_MAX_FEE_RATE_SAT_PER_VBYTE: setting.whole({ min: 1, max: 10_000 }).default(200),
    SLUICE_BUMP_MAX_FEE_PERCENT: setting.whole({ min: 1, max: 100 }).default(20),
    /** So often at most for one payout, with a pause that doubles each time. */
    SLUICE_BUMPS_MAX: setting.whole({ min: 0, max: 100 }).default(5),
    SLUICE_BUMP_PAUSE_MS: setting.durationMs().default(60_000),
  })
  .superRefine((settings, context) => {
    faultsOfPlanning(settings, context);
    for (const { walletId, rule } of openWallets(settings.SLUICE_WALLETS_FILE, settings.SLUICE_NETWORK).faults) {
      context.addIssue({ code: "custom", path: ["SLUICE_WALLETS_FILE"], message: `${walletId}: ${rule}` });
    }
  });

export const secretsSchema = z.strictObject({ ...onlineSecrets, bridgeKey: bridgeKeySchema });

export type Settings = z.output<typeof settingsSchema>;

/** @throws ConfigError when the key is not the one that the others have pinned, or theirs is missing */
export function bridgeSessionOf(settings: Settings, { bridgeKey }: z.output<typeof secretsSchema>): BridgeSession {
  const made = bridgeIdentity({
    name: "vault",
    privateKey: bridgeKey,
    publicKeys: settings.SLUICE_BRIDGE_KEYS_FILE,
    peers: ["semi-offline-risk"],
    network: settings.SLUICE_NETWORK,
    schema: BRIDGE_SCHEMA,
  });
  if (!made.ok) throw new ConfigError(made.faults);
  return made.identity.towards("semi-offline-risk");
}

export function walletsOf(settings: Settings): Wallets {
  return openWallets(settings.SLUICE_WALLETS_FILE, settings.SLUICE_NETWORK).wallets;
}

export function bumpPolicyOf(settings: Settings): BumpPolicy {
  return {
    maxFeeSat: settings.SLUICE_BUMP_MAX_FEE_SAT,
    maxFeeRateSatPerKvbyte: 1_000n * BigInt(settings.SLUICE_BUMP_MAX_FEE_RATE_SAT_PER_VBYTE),
    maxFeePercent: settings.SLUICE_BUMP_MAX_FEE_PERCENT,
    maxBumps: settings.SLUICE_BUMPS_MAX,
    pauseMs: settings.SLUICE_BUMP_PAUSE_MS,
  };
}

/** By wallet id. */
export type Wallets = ReadonlyMap<string, Wallet>;
