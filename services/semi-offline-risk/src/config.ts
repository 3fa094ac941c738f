// All settings and secrets of this process, validated before anything is touched.
import {
  type BridgeIdentity,
  bridgeIdentity,
  type CarrierAddress,
  carrierAddressFor,
  defaultCarrier,
} from "@sluice/bridge";
import { type BitcoinNetwork, NETWORKS, openWallets, type Wallet, walletsFileSchema } from "@sluice/chains";
import {
  BRIDGE_SCHEMA,
  bridgeKeySchema,
  bridgeKeysFileSchema,
  createTrust,
  ed25519PrivateKey,
  HOLDERS,
  type Holder,
  type Sealer,
  type Trust,
  trustFileSchema,
} from "@sluice/contracts";
import { ConfigError, type Environment, readConfig, readSecrets, setting } from "@sluice/runtime";
import { readScreeningPlace, type ScreeningPlace, screeningSettings } from "@sluice/screening";
import { type BundleSigners, bundleSignersSchema, readBundleSigners } from "@sluice/second-opinion";
import { z } from "zod";

const NAME = "semi-offline-risk";

/** This process listens on every line. */
const carrier = setting.parsed(carrierAddressFor("listen"));

const settingsSchema = z.strictObject({
  SLUICE_TRUST_FILE: setting.jsonFile(trustFileSchema),
  SLUICE_SECRETS_SOURCE: setting.secretsSource(),
  SLUICE_DATABASE_URL: setting.url({ protocols: ["postgres:", "postgresql:"] }),
  SLUICE_BRIDGE_CARRIER: carrier.default(defaultCarrier("vault")),
  /** The public keys of the ends of bridges. */
  SLUICE_BRIDGE_KEYS_FILE: setting.jsonFile(bridgeKeysFileSchema),
  SLUICE_HOLDER_A_CARRIER: carrier.default(defaultCarrier("semi-offline-signer-a")),
  SLUICE_HOLDER_B_CARRIER: carrier.default(defaultCarrier("semi-offline-signer-b")),
  SLUICE_HOLDER_C_CARRIER: carrier.default(defaultCarrier("semi-offline-signer-c")),
  /** Who may seal a bundle, and how many of them have to. */
  SLUICE_BUNDLE_SIGNERS_FILE: setting.jsonFile(bundleSignersSchema),
  /** The first bundle; looked at only while none was ever accepted. */
  SLUICE_FIRST_BUNDLE_FILE: setting.path(),
  SLUICE_CONSOLE_SOCKET: setting.path(),
  SLUICE_NETWORK: z.enum(NETWORKS),
  SLUICE_WALLETS_FILE: setting.jsonFile(walletsFileSchema),
  SLUICE_REQUIRE_ISOLATION: z.enum(["yes", "no"]).default("yes"),
  SLUICE_CARRIER_INTERFACES: setting.interfaceNames().default([]),
  ...screeningSettings,
  /** A holder that has not answered for so long is passed over for the third. */
  SLUICE_HOLDER_DEADLINE_MS: setting.durationMs().default(10_000),
});

const secretsSchema = z.strictObject({
  sealKeyId: z.string().min(1),
  sealSeed: z.base64().refine((text) => Buffer.from(text, "base64").length === 32, "is base64 of 32 bytes"),
  bridgeKey: bridgeKeySchema,
  databasePassword: z.string().min(1).optional(),
});

export type Config = {
  readonly databaseUrl: string;
  readonly databasePassword: string | undefined;
  readonly bridges: BridgeIdentity;
  readonly vaultCarrier: CarrierAddress;
  readonly holderCarriers: Readonly<Record<Holder, CarrierAddress>>;
  readonly holderDeadlineMs: number;
  readonly requireIsolation: boolean;
  readonly carrierInterfaces: readonly string[];
  readonly trust: Trust;
  readonly sealer: Sealer;
  readonly wallets: ReadonlyMap<string, Wallet>;
  readonly network: BitcoinNetwork;
  readonly bundleSigners: BundleSigners;
  readonly firstBundleFile: string;
  readonly consoleSocket: string;
  readonly labels: ScreeningPlace | null;
};

/** @throws ConfigError with every fault that can be told at once */
export function readSettings(env: Environment): Config {
  const settings = readConfig(settingsSchema, env);
  const secrets = readSecrets(secretsSchema, settings.SLUICE_SECRETS_SOURCE);
  const { wallets, faults } = openWallets(settings.SLUICE_WALLETS_FILE, settings.SLUICE_NETWORK);
  const trusted = settings.SLUICE_TRUST_FILE.some((key) => key.producer === NAME && key.keyId === secrets.sealKeyId);
  const bridges = bridgeIdentity({
    name: NAME,
    privateKey: secrets.bridgeKey,
    publicKeys: settings.SLUICE_BRIDGE_KEYS_FILE,
    peers: ["vault", ...HOLDERS],
    network: settings.SLUICE_NETWORK,
    schema: BRIDGE_SCHEMA,
  });
  const all = [
    ...faults.map(({ walletId, rule }) => ({ name: `SLUICE_WALLETS_FILE ${walletId}`, rule })),
    ...(trusted ? [] : [{ name: "secrets.sealKeyId", rule: `is not in the trust file as a key of ${NAME}` }]),
    ...(bridges.ok ? [] : bridges.faults),
  ];
  if (!bridges.ok || all.length > 0) throw new ConfigError(all);
  const privateKey = ed25519PrivateKey(Buffer.from(secrets.sealSeed, "base64"));
  return {
    databaseUrl: settings.SLUICE_DATABASE_URL,
    databasePassword: secrets.databasePassword,
    bridges: bridges.identity,
    vaultCarrier: settings.SLUICE_BRIDGE_CARRIER,
    holderCarriers: {
      "semi-offline-signer-a": settings.SLUICE_HOLDER_A_CARRIER,
      "semi-offline-signer-b": settings.SLUICE_HOLDER_B_CARRIER,
      "semi-offline-signer-c": settings.SLUICE_HOLDER_C_CARRIER,
    },
    holderDeadlineMs: settings.SLUICE_HOLDER_DEADLINE_MS,
    requireIsolation: settings.SLUICE_REQUIRE_ISOLATION === "yes",
    carrierInterfaces: settings.SLUICE_CARRIER_INTERFACES,
    trust: createTrust(settings.SLUICE_TRUST_FILE),
    sealer: { producer: NAME, keyId: secrets.sealKeyId, privateKey },
    wallets,
    network: settings.SLUICE_NETWORK,
    bundleSigners: readBundleSigners(settings.SLUICE_BUNDLE_SIGNERS_FILE),
    firstBundleFile: settings.SLUICE_FIRST_BUNDLE_FILE,
    consoleSocket: settings.SLUICE_CONSOLE_SOCKET,
    labels: readScreeningPlace(settings),
  };
}
