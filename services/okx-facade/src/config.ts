// The settings and secrets of the facade: who may speak OKX's API here, for which account, up to what; and its own key.
import { createPublicKey, type KeyObject } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { createTrust, ed25519PrivateKey, idSchema, trustFileSchema } from "@sluice/contracts";
import { ConfigError, type ConfigFault, type Environment, readConfig, readSecrets, setting } from "@sluice/runtime";
import { z } from "zod";
import { type PassphraseCheck, passphraseCheck, readPassphraseHash } from "./passphrase.ts";

const network = z.string().refine(isNetwork, "is a network such as 192.0.2.0/24 or 2001:db8::/32");

const usersFile = z
  .array(
    z.strictObject({
      /** Stands in the ids of all withdrawals that are requested through here, so it stays as it is. */
      name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,15}$/, "is 1 to 16 of a-z 0-9 -"),
      /** Whose money it is: OKX's requests name no account, the key is the account. */
      account: idSchema,
      /** Satoshi. What a single withdrawal may be at most; below the cap of the facade's own key. */
      maxWithdrawalSat: setting.minorUnits(),
      keys: z
        .array(
          z.strictObject({
            apiKey: z.string().regex(/^[A-Za-z0-9-]{16,64}$/, "is 16 to 64 of A-Z a-z 0-9 -"),
            passphrase: z.string().refine((text) => readPassphraseHash(text) !== null, "is made by make-key.ts"),
            permissions: z.array(z.enum(["read", "withdraw"])).min(1),
            ipAllowList: z.array(network).min(1),
          }),
        )
        .min(1),
    }),
  )
  .refine((users) => isUnlike(users.map(({ name }) => name)), "names a user twice")
  .refine((users) => isUnlike(users.flatMap(({ keys }) => keys.map(({ apiKey }) => apiKey))), "names an apiKey twice");

const settingsSchema = z.object({
  SLUICE_TRUST_FILE: setting.jsonFile(trustFileSchema),
  SLUICE_SECRETS_SOURCE: setting.secretsSource(),
  SLUICE_OKX_USERS_FILE: setting.jsonFile(usersFile),
  /** Scheme, host and port of online-risk's API. */
  SLUICE_ONLINE_RISK_URL: setting
    .url({ protocols: ["http:", "https:"] })
    .refine((text) => URL.canParse(text) && isOrigin(new URL(text)), "is scheme, host and port only"),
  /** How long online-risk may take to answer; after it the backend is told that nothing is known. */
  SLUICE_ONLINE_RISK_TIMEOUT_MS: setting
    .durationMs()
    .refine((ms) => ms >= 100 && ms <= 60_000, "is from 100ms to 1m")
    .default(10_000),
  SLUICE_API_HOST: z.string().default("127.0.0.1"),
  SLUICE_API_PORT: setting.port(),
  /** Proxies whose X-Forwarded-For is believed. Without them the caller's address is the connection's. */
  SLUICE_TRUSTED_PROXIES: setting.list(network).optional(),
  SLUICE_HTTP_HOST: z.string().default("127.0.0.1"),
  SLUICE_HTTP_PORT: setting.port(),
});

const secretsSchema = z.strictObject({
  /** The facade's own key, in the trust file as one of exchange-backend. */
  requestKeyId: z.string().min(1),
  requestSeed: z.base64().refine((text) => Buffer.from(text, "base64").length === 32, "is base64 of 32 bytes"),
  /** By apiKey. An HMAC can only be checked by whoever knows the secret itself. */
  okxSecrets: z.record(z.string(), z.string().min(32).max(256)),
});

export type Permission = "read" | "withdraw";

export type User = { readonly name: string; readonly account: string; readonly maxWithdrawalSat: bigint };

export type OkxKey = {
  readonly user: User;
  readonly permissions: readonly Permission[];
  readonly allowedAddresses: BlockList;
  readonly secret: string;
  readonly isPassphrase: PassphraseCheck;
};

export type Config = {
  readonly settings: z.output<typeof settingsSchema>;
  readonly own: { readonly keyId: string; readonly privateKey: KeyObject };
  /** By apiKey. */
  readonly keys: ReadonlyMap<string, OkxKey>;
};

/** @throws ConfigError with every fault of the settings; then of the secrets; then of what disagrees */
export function readSettings(env: Environment): Config {
  const settings = readConfig(settingsSchema, env);
  const { requestKeyId: keyId, requestSeed, okxSecrets } = readSecrets(secretsSchema, settings.SLUICE_SECRETS_SOURCE);
  const users = settings.SLUICE_OKX_USERS_FILE;
  const seed = Buffer.from(requestSeed, "base64");
  const privateKey = ed25519PrivateKey(seed);
  seed.fill(0);
  const trusted = createTrust(settings.SLUICE_TRUST_FILE).find("exchange-backend", keyId);
  const isTrusted = trusted?.revoked === false && trusted.publicKey.equals(createPublicKey(privateKey));
  const named = users.flatMap((user) => user.keys.map(({ apiKey }) => apiKey));
  const faults: readonly ConfigFault[] = [
    ...(isTrusted
      ? []
      : [{ name: "secrets.requestKeyId", rule: "is not a key of exchange-backend in the trust file" }]),
    ...named.filter((apiKey) => !Object.hasOwn(okxSecrets, apiKey)).map(missing),
    ...Object.keys(okxSecrets)
      .filter((apiKey) => !named.includes(apiKey))
      .map((apiKey) => ({ name: `secrets.okxSecrets.${apiKey}`, rule: "is of no key in SLUICE_OKX_USERS_FILE" })),
  ];
  if (faults.length > 0) throw new ConfigError(faults);
  const keys = users.flatMap(({ keys: listed, ...user }) =>
    listed.map((key) => [key.apiKey, readKey(user, key, okxSecrets[key.apiKey] ?? "")] as const),
  );
  return { settings, own: { keyId, privateKey }, keys: new Map(keys) };
}

function missing(apiKey: string): ConfigFault {
  return { name: `secrets.okxSecrets.${apiKey}`, rule: "is missing" };
}

type Listed = z.output<typeof usersFile>[number]["keys"][number];

function readKey(user: User, { passphrase, permissions, ipAllowList }: Listed, secret: string): OkxKey {
  const allowedAddresses = new BlockList();
  for (const each of ipAllowList) {
    const [address = "", bits = ""] = each.split("/");
    allowedAddresses.addSubnet(address, Number(bits), isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  const hash = readPassphraseHash(passphrase);
  if (hash === null) throw new Error("a passphrase's hash was checked and does not read");
  return { user, permissions, allowedAddresses, secret, isPassphrase: passphraseCheck(hash) };
}

function isNetwork(text: string): boolean {
  const [, address = "", bits = ""] = /^([^/]+)\/([0-9]{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
}

function isOrigin({ pathname, search, hash, username }: URL): boolean {
  return pathname === "/" && `${search}${hash}${username}` === "";
}

function isUnlike(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}
