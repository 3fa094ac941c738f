// What stands in a bundle, as its file has it.
import { NETWORKS } from "@sluice/chains";
import { approversSchema } from "@sluice/contracts";
import { z } from "zod";
import { accountLimitsSchema, labelsSchema, originLimitsSchema, policySchema } from "./policy.ts";

export const BUNDLE_FORMAT = "sluice-bundle-v1";

const atMs = z.number().int().min(0).max(8_640_000_000_000_000);
const publicKey = z.base64().refine((text) => Buffer.from(text, "base64").length === 32, "is base64 of 32 bytes");
/** `untilMs` is not valid any more; without it there is no end. A revoked key stays listed, so that its name says why. */
const validity = { fromMs: atMs, untilMs: atMs.optional(), revoked: z.boolean().optional() };

const registeredKeySchema = z.strictObject({
  /** The two whose signatures a payment needs. Holders and vault stand in the trust file. */
  producer: z.enum(["exchange-backend", "online-risk"]),
  keyId: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "is 1 to 64 of A-Z a-z 0-9 . _ -"),
  publicKey,
  ...validity,
});

const personSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "is 1 to 64 of A-Z a-z 0-9 . _ -"),
  publicKey,
  roles: z.array(z.enum(["release", "veto"])).min(1),
  ...validity,
});

const contentSchema = z.strictObject({
  network: z.enum(NETWORKS),
  version: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  /** Of the content of the version before; empty in the first. */
  previousSha256: z.string().regex(/^([0-9a-f]{64})?$/, "is empty or 64 lower-case hexadecimal digits"),
  madeAtMs: atMs,
  policy: policySchema,
  labels: labelsSchema,
  accountLimits: accountLimitsSchema,
  /** A bundle without it limits no key by itself. */
  originLimits: originLimitsSchema.default([]),
  keys: z
    .array(registeredKeySchema)
    .min(1)
    .refine((keys) => new Set(keys.map((key) => key.keyId)).size === keys.length, "names a key twice"),
  people: z
    .array(personSchema)
    .refine((people) => new Set(people.map(({ name }) => name)).size === people.length, "names a person twice"),
  /** Whose approvals count for the policy's `approvalTiers`: this zone's own list, whatever the online side has. */
  approvers: approversSchema.optional(),
});

/** Limits of a key that is not listed are a slip of the pen, and would leave the one that was meant without any. */
export const bundleContentSchema = contentSchema.refine(
  ({ originLimits, keys }) =>
    originLimits.every(({ keyId }) => keys.some((key) => key.keyId === keyId && key.producer === "exchange-backend")),
  { path: ["originLimits"], message: "limits a key that is not listed for exchange-backend" },
);

export type BundleContent = z.output<typeof bundleContentSchema>;
export type RegisteredKey = BundleContent["keys"][number];
export type RegisteredPerson = BundleContent["people"][number];
