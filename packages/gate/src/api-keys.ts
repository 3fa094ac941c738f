// The keys of exchange backends: what each may do, from where, and for whom.
import { BlockList, isIP } from "node:net";
import type { TrustFile } from "@sluice/contracts";
import { type ConfigFault, setting } from "@sluice/runtime";
import { z } from "zod";
import type { RateLimit } from "./rate-limit.ts";

export const SCOPES = [
  "withdraw",
  "read",
  "approve",
  "fail",
  "signals",
  "screen",
  "destinations",
  "suspend",
  "reopen",
  "policy",
  "activate",
] as const;
export type Scope = (typeof SCOPES)[number];

/** What one key of an exchange backend may do. Its public half stands in the trust file. */
export type ApiKey = {
  readonly keyId: string;
  /** Whose key it is; null when nobody said. */
  readonly person: string | null;
  readonly scopes: readonly Scope[];
  readonly allowedAddresses: BlockList;
  /** Null: all accounts. */
  readonly accounts: readonly string[] | null;
  readonly maxAmountMinor: bigint | null;
  /** Ids that it requests begin like this, so that it cannot find out which ids others have used. Null: any id. */
  readonly idPrefix: string | null;
  /** It counts from, and until before. */
  readonly validMs: { readonly from: number; readonly until: number };
  readonly rateLimit: RateLimit;
};

/** By key id. */
export type ApiKeys = { readonly get: (keyId: string) => ApiKey | undefined };

const DEFAULT_RATE_LIMIT: RateLimit = { requests: 1_000, windowMs: 1_000 };

const moment = z.iso.datetime({ message: "is a time in UTC such as 2026-01-31T12:00:00Z" }).transform(Date.parse);

export const apiKeysSchema = z
  .array(
    z.strictObject({
      keyId: z.string().min(1),
      person: z.string().min(1).max(64).optional(),
      scopes: z.array(z.enum(SCOPES)).min(1),
      ipAllowList: z.array(z.string().refine(isCidr, "is a network such as 192.0.2.0/24 or 2001:db8::/32")).min(1),
      accounts: z.array(z.string().min(1)).optional(),
      maxAmountMinor: setting.minorUnits().optional(),
      idPrefix: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,31}$/, "is 1 to 32 of A-Z a-z 0-9 . _ : -")
        .optional(),
      notBefore: moment.optional(),
      notAfter: moment.optional(),
      rateLimit: z
        .strictObject({
          requests: z.number().int().min(1).max(1_000_000),
          windowMs: z.number().int().min(100).max(86_400_000),
        })
        .optional(),
    }),
  )
  .min(1)
  .refine((keys) => new Set(keys.map(({ keyId }) => keyId)).size === keys.length, "names a keyId twice");

export type ApiKeysFile = z.output<typeof apiKeysSchema>;

/** By key id. */
export function readApiKeys(file: ApiKeysFile): ReadonlyMap<string, ApiKey> {
  return new Map(file.map((key) => [key.keyId, readApiKey(key)]));
}

/**
 * Whether two keys are in one hand, as far as it is known: the same key, or keys of the same person. A key that is not
 * listed any more is only known by its id.
 */
export function isSameHand(keys: ApiKeys, keyId: string, otherKeyId: string): boolean {
  const person = keys.get(keyId)?.person ?? null;
  return keyId === otherKeyId || (person !== null && person === keys.get(otherKeyId)?.person);
}

/** A key that nobody's signature can be checked against is a mistake in one of the two files. */
export function untrustedKeys(setting: string, file: ApiKeysFile, trust: TrustFile): readonly ConfigFault[] {
  const trusted = trust.filter(({ producer }) => producer === "exchange-backend");
  const known = new Set(trusted.map(({ keyId }) => keyId));
  return file
    .filter(({ keyId }) => !known.has(keyId))
    .map(({ keyId }) => ({ name: setting, rule: `${keyId}: is not in the trust file as a key of exchange-backend` }));
}

function readApiKey(key: ApiKeysFile[number]): ApiKey {
  const allowedAddresses = new BlockList();
  for (const network of key.ipAllowList) {
    const [address = "", bits = ""] = network.split("/");
    allowedAddresses.addSubnet(address, Number(bits), isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  const { keyId, person = null, scopes, accounts = null, maxAmountMinor = null, idPrefix = null } = key;
  const { notBefore: from = 0, notAfter: until = Number.POSITIVE_INFINITY, rateLimit = DEFAULT_RATE_LIMIT } = key;
  return {
    keyId,
    person,
    scopes,
    allowedAddresses,
    accounts,
    maxAmountMinor,
    idPrefix,
    validMs: { from, until },
    rateLimit,
  };
}

function isCidr(text: string): boolean {
  const [, address = "", bits = ""] = /^([^/]+)\/([0-9]{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
}
