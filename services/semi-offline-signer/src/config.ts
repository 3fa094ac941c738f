// All settings and secrets of a key holder but its key, validated before anything is touched.
import {
  type BridgeSession,
  bridgeIdentity,
  type CarrierAddress,
  carrierAddressFor,
  defaultCarrier,
} from "@sluice/bridge";
import { NETWORKS, openWallets, type Wallet, walletsFileSchema } from "@sluice/chains";
import {
  approvalFaults,
  approvalsFileSchema,
  BRIDGE_SCHEMA,
  bridgeKeySchema,
  bridgeKeysFileSchema,
  createTrust,
  ed25519PrivateKey,
  HOLDERS,
  readApprovals,
  type Sealer,
  type Trust,
  trustFileSchema,
} from "@sluice/contracts";
import { type CurveChoice, parseCurveChoice } from "@sluice/keys";
import { type CeremonyFile, ceremonyFileSchema } from "@sluice/keys/custody";
import { ConfigError, type ConfigFault, type Environment, readConfig, readSecrets, setting, z } from "@sluice/runtime";
import { fingerprintOfKey } from "./handlers/signing-ordered.ts";
import type { Caps } from "./judge-order.ts";

const FEE_RATE_RULE = "is a rate above zero in satoshis per vbyte, with at most three decimals";

/** In satoshis per 1000 vbytes, so that no floating point comes near money. */
const feeRate = z
  .string()
  .regex(/^[0-9]{1,9}(\.[0-9]{1,3})?$/, FEE_RATE_RULE)
  .transform((text) => {
    const [whole = "", decimals = ""] = text.split(".");
    return BigInt(whole + decimals.padEnd(3, "0"));
  })
  .refine((rate) => rate > 0n, FEE_RATE_RULE);

const curveChoice = z.string().transform((text, context) => {
  const choice = parseCurveChoice(text);
  if (choice !== null) return choice;
  context.addIssue({ code: "custom", message: 'is "addon", or "library:" and the path of a libsecp256k1' });
  return z.NEVER;
});

const environmentSchema = z.strictObject({
  SLUICE_TRUST_FILE: setting.jsonFile(trustFileSchema),
  SLUICE_SECRETS_SOURCE: setting.secretsSource(),
  SLUICE_HOLDER: z.enum(HOLDERS, `is one of ${HOLDERS.join(", ")}`),
  SLUICE_BRIDGE_CARRIER: setting.parsed(carrierAddressFor("connect")).optional(),
  SLUICE_BRIDGE_KEYS_FILE: setting.jsonFile(bridgeKeysFileSchema),
  SLUICE_CONSOLE_SOCKET: setting.path(),
  SLUICE_JOURNAL_DIRECTORY: setting.directory(),
  SLUICE_NETWORK: z.enum(NETWORKS),
  SLUICE_WALLETS_FILE: setting.jsonFile(walletsFileSchema),
  SLUICE_CEREMONY_FILE: setting.jsonFile(ceremonyFileSchema),
  SLUICE_MAX_PAYMENT_SAT: setting.minorUnits(),
  SLUICE_MAX_FEE_SAT: setting.minorUnits(),
  SLUICE_MAX_FEE_RATE_SAT_PER_VBYTE: feeRate,
  SLUICE_MAX_FEE_PERCENT: setting.whole({ min: 1, max: 100 }).default(100),
  /** Without the first, this holder signs nothing that pays nobody. */
  SLUICE_INTERNAL_MAX_FEE_SAT: setting.minorUnits().optional(),
  SLUICE_INTERNAL_MAX_FEE_RATE_SAT_PER_VBYTE: feeRate.optional(),
  SLUICE_INTERNAL_MAX_OUTPUTS: setting.whole({ min: 1, max: 100 }).default(20),
  SLUICE_MAX_CLEARANCE_AGE: setting.durationMs().default(30 * 24 * 60 * 60 * 1_000),
  /** Who has to have approved what is large, by a list of this holder's own; without it nobody has to. */
  SLUICE_APPROVALS_FILE: setting.jsonFile(approvalsFileSchema).optional(),
  SLUICE_REQUIRE_ISOLATION: z.enum(["yes", "no"], "is yes or no").default("yes"),
  SLUICE_CARRIER_INTERFACES: setting.interfaceNames().default([]),
  SLUICE_CURVE: curveChoice.default({ kind: "addon" }),
  /** Read before everything else: host-checks.ts. */
  SLUICE_SWAP: z.enum(["none", "encrypted", "tolerated"]).default("none"),
});

const secretsSchema = z.strictObject({
  sealKeyId: z.string().min(1),
  bridgeKey: bridgeKeySchema,
  sealSeed: z.base64().refine((text) => Buffer.from(text, "base64").length === 32, "is base64 of 32 bytes"),
});

export type Config = {
  readonly holder: (typeof HOLDERS)[number];
  readonly bridgeCarrier: CarrierAddress;
  readonly bridgeSession: BridgeSession;
  readonly consoleSocket: string;
  readonly journalDirectory: string;
  readonly requireIsolation: boolean;
  readonly carrierInterfaces: readonly string[];
  readonly curve: CurveChoice;
  readonly sealer: Sealer;
  readonly trust: Trust;
  readonly ceremony: CeremonyFile;
  /** Those in whose descriptor a key stands that this holder's shares make. */
  readonly wallets: ReadonlyMap<string, Wallet>;
  readonly caps: Caps;
};

/** @throws ConfigError with every fault that can be told at once */
export function readSettings(env: Environment): Config {
  const settings = readConfig(environmentSchema, env);
  const { sealKeyId, sealSeed, bridgeKey } = readSecrets(secretsSchema, settings.SLUICE_SECRETS_SOURCE);
  const holder = settings.SLUICE_HOLDER;
  const ceremony = settings.SLUICE_CEREMONY_FILE;
  const { wallets: listed, faults } = openWallets(settings.SLUICE_WALLETS_FILE, settings.SLUICE_NETWORK);
  const { wallets, foreign } = ownWallets(listed, ceremony, holder);
  const trusted = settings.SLUICE_TRUST_FILE.some((key) => key.producer === holder && key.keyId === sealKeyId);
  const bridges = bridgeIdentity({
    name: holder,
    privateKey: bridgeKey,
    publicKeys: settings.SLUICE_BRIDGE_KEYS_FILE,
    peers: ["semi-offline-risk"],
    network: settings.SLUICE_NETWORK,
    schema: BRIDGE_SCHEMA,
  });
  const approvals = settings.SLUICE_APPROVALS_FILE;
  const all: readonly ConfigFault[] = [
    ...faults.map(({ walletId, rule }) => ({ name: `SLUICE_WALLETS_FILE ${walletId}`, rule })),
    ...foreign.map((walletId) => ({ name: `SLUICE_WALLETS_FILE ${walletId}`, rule: OTHER_WALLET })),
    ...(trusted ? [] : [{ name: "secrets.sealKeyId", rule: `is not in the trust file as a key of ${holder}` }]),
    ...(ceremony.network === settings.SLUICE_NETWORK ? [] : [{ name: CEREMONY, rule: "is of SLUICE_NETWORK" }]),
    ...(wallets.size > 0 ? [] : [{ name: CEREMONY, rule: `names for ${holder} a key of a listed wallet` }]),
    ...(approvals === undefined ? [] : approvalFaults(approvals, settings.SLUICE_TRUST_FILE)).map(({ name, rule }) => {
      return { name: `SLUICE_APPROVALS_FILE ${name}`, rule };
    }),
    ...(bridges.ok ? [] : bridges.faults),
  ];
  if (!bridges.ok || all.length > 0) throw new ConfigError(all);
  return {
    holder,
    bridgeCarrier: settings.SLUICE_BRIDGE_CARRIER ?? defaultCarrier(holder),
    bridgeSession: bridges.identity.towards("semi-offline-risk"),
    consoleSocket: settings.SLUICE_CONSOLE_SOCKET,
    journalDirectory: settings.SLUICE_JOURNAL_DIRECTORY,
    requireIsolation: settings.SLUICE_REQUIRE_ISOLATION === "yes",
    carrierInterfaces: settings.SLUICE_CARRIER_INTERFACES,
    curve: settings.SLUICE_CURVE,
    sealer: { producer: holder, keyId: sealKeyId, privateKey: ed25519PrivateKey(Buffer.from(sealSeed, "base64")) },
    trust: createTrust(settings.SLUICE_TRUST_FILE),
    ceremony,
    wallets,
    caps: {
      maxPaymentSat: settings.SLUICE_MAX_PAYMENT_SAT,
      maxFeeSat: settings.SLUICE_MAX_FEE_SAT,
      maxFeeRateSatPerKvbyte: settings.SLUICE_MAX_FEE_RATE_SAT_PER_VBYTE,
      maxFeePercent: settings.SLUICE_MAX_FEE_PERCENT,
      maxClearanceAgeMs: settings.SLUICE_MAX_CLEARANCE_AGE,
      internal: internalCapsOf(settings),
      approvals: approvals && readApprovals(approvals),
    },
  };
}

function internalCapsOf(settings: z.output<typeof environmentSchema>): Caps["internal"] {
  const maxFeeSat = settings.SLUICE_INTERNAL_MAX_FEE_SAT;
  if (maxFeeSat === undefined) return undefined;
  const rate = settings.SLUICE_INTERNAL_MAX_FEE_RATE_SAT_PER_VBYTE ?? settings.SLUICE_MAX_FEE_RATE_SAT_PER_VBYTE;
  return { maxFeeSat, maxFeeRateSatPerKvbyte: rate, maxOutputs: settings.SLUICE_INTERNAL_MAX_OUTPUTS };
}

const CEREMONY = "SLUICE_CEREMONY_FILE";
const OTHER_WALLET = "is not, under this name and with this descriptor, a wallet of SLUICE_CEREMONY_FILE";

/**
 * Those of this holder's keys. The ceremony's record says which wallets these are: one that has its name or one of its keys
 * and is not the same is no wallet of another ceremony but a mistake, or worse.
 */
function ownWallets(
  listed: ReadonlyMap<string, Wallet>,
  ceremony: CeremonyFile,
  holder: string,
): { readonly wallets: ReadonlyMap<string, Wallet>; readonly foreign: readonly string[] } {
  const own = ceremony.holders.find((each) => each.holder === holder)?.accounts ?? [];
  const keys = own.map(({ publicKey }) => Buffer.from(publicKey, "hex"));
  const holdsKey = (wallet: Wallet): boolean => keys.some((key) => fingerprintOfKey(wallet, key) !== null);
  const foreign = [...listed].filter(([walletId, wallet]) => {
    const recorded = ceremony.wallets.find(({ descriptor }) => descriptor === wallet.descriptor.descriptor);
    // A record of one wallet does not name it.
    if (recorded !== undefined) return walletId !== (recorded.walletId ?? walletId);
    return holdsKey(wallet) || ceremony.wallets.some((each) => each.walletId === walletId);
  });
  return {
    wallets: new Map([...listed].filter(([, wallet]) => holdsKey(wallet))),
    foreign: foreign.map(([walletId]) => walletId),
  };
}
