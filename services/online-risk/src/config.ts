// All settings and secrets of this process, validated before anything is touched.
import { BlockList, isIP } from "node:net";
import { NETWORKS, openWallets, type Wallet, walletsFileSchema } from "@sluice/chains";
import { type Policy, policyFileSchema, readPolicy } from "@sluice/online-rules";
import { onlineSecrets, onlineSettings } from "@sluice/online-service";
import { ConfigError, type ConfigFault, type Environment, readConfig, readSecrets, setting } from "@sluice/runtime";
import { z } from "zod";

export const SCOPES = ["withdraw", "read", "approve"] as const;
export type Scope = (typeof SCOPES)[number];

/** What one key of an exchange backend may do. Its public half stands in the trust file. */
export type ApiKey = {
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  readonly allowedAddresses: BlockList;
  /** Null: all accounts. */
  readonly accounts: readonly string[] | null;
  readonly maxAmountMinor: bigint | null;
};

const apiKeysSchema = z
  .array(
    z.strictObject({
      keyId: z.string().min(1),
      scopes: z.array(z.enum(SCOPES)).min(1),
      ipAllowList: z.array(z.string().refine(isCidr, "is a network such as 192.0.2.0/24 or 2001:db8::/32")).min(1),
      accounts: z.array(z.string().min(1)).optional(),
      maxAmountMinor: setting.minorUnits().optional(),
    }),
  )
  .min(1)
  .refine((keys) => new Set(keys.map(({ keyId }) => keyId)).size === keys.length, "names a keyId twice");

const settingsSchema = z.object({
  ...onlineSettings,
  SLUICE_API_HOST: z.string().default("127.0.0.1"),
  SLUICE_API_PORT: setting.port(),
  SLUICE_NETWORK: z.enum(NETWORKS, `is one of ${NETWORKS.join(", ")}`),
  SLUICE_WALLETS_FILE: setting.jsonFile(walletsFileSchema),
  SLUICE_POLICY_FILE: setting.jsonFile(policyFileSchema),
  SLUICE_API_KEYS_FILE: setting.jsonFile(apiKeysSchema),
  SLUICE_SIGNATURE_WINDOW_MS: setting
    .durationMs()
    .refine((ms) => ms >= 1_000 && ms <= 3_600_000, "is from 1s to 1h")
    .default(300_000),
});

const secretsSchema = z.strictObject(onlineSecrets);

export type Config = {
  readonly settings: z.output<typeof settingsSchema>;
  readonly secrets: z.output<typeof secretsSchema>;
  readonly policy: Policy;
  readonly wallets: readonly Wallet[];
  readonly apiKeys: ReadonlyMap<string, ApiKey>;
};

/** @throws ConfigError with every fault of the settings; then with those of secrets, and of files that disagree */
export function readSettings(env: Environment): Config {
  const settings = readConfig(settingsSchema, env);
  const secrets = readSecrets(secretsSchema, settings.SLUICE_SECRETS_SOURCE);
  const policy = readPolicy(settings.SLUICE_POLICY_FILE, settings.SLUICE_NETWORK);
  const opened = openWallets(settings.SLUICE_WALLETS_FILE, settings.SLUICE_NETWORK);
  const faults: readonly ConfigFault[] = [
    ...opened.faults.map(({ walletId, rule }) => ({ name: "SLUICE_WALLETS_FILE", rule: `${walletId}: ${rule}` })),
    ...("faults" in policy ? policy.faults : []),
    ...untrustedKeys(settings),
  ];
  if ("faults" in policy || faults.length > 0) throw new ConfigError(faults);
  const apiKeys = new Map(settings.SLUICE_API_KEYS_FILE.map((key) => [key.keyId, readApiKey(key)]));
  return { settings, secrets, policy, wallets: [...opened.wallets.values()], apiKeys };
}

/** A key that nobody's signature can be checked against is a mistake in one of the two files. */
function untrustedKeys(settings: Config["settings"]): readonly ConfigFault[] {
  const trusted = settings.SLUICE_TRUST_FILE.filter(({ producer }) => producer === "exchange-backend");
  const known = new Set(trusted.map(({ keyId }) => keyId));
  return settings.SLUICE_API_KEYS_FILE.filter(({ keyId }) => !known.has(keyId)).map(({ keyId }) => ({
    name: "SLUICE_API_KEYS_FILE",
    rule: `${keyId}: is not in the trust file as a key of exchange-backend`,
  }));
}

function readApiKey(key: z.output<typeof apiKeysSchema>[number]): ApiKey {
  const allowedAddresses = new BlockList();
  for (const network of key.ipAllowList) {
    const [address = "", bits = ""] = network.split("/");
    allowedAddresses.addSubnet(address, Number(bits), isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  const { keyId, scopes, accounts = null, maxAmountMinor = null } = key;
  return { keyId, scopes, allowedAddresses, accounts, maxAmountMinor };
}

function isCidr(text: string): boolean {
  const [, address = "", bits = ""] = /^([^/]+)\/([0-9]{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
}
