// The fixtures of signing, with the policy, the memory and the bundles of this side. Nothing but tests imports it.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { ApproverFile } from "@sluice/contracts";
import { POLICY_FILE, type Seals } from "@sluice/signing-fixtures";
import {
  type BundleSigners,
  type BundleSignersFile,
  bundleSignersSchema,
  makeBundle,
  readBundleSigners,
  sealBundle,
} from "./bundle.ts";
import type { History } from "./judgement.ts";
import {
  accountLimitsSchema,
  labelsSchema,
  originLimitsSchema,
  type Policy,
  policySchema,
  readPolicy,
} from "./policy.ts";

export { outpointOf } from "@sluice/chains";
export * from "@sluice/signing-fixtures";

type Changeable = keyof typeof POLICY_FILE | "screening" | "originLimits" | "approvalTiers";

export type PolicyChanges = Partial<Record<Changeable, unknown>> & { readonly approvers?: readonly ApproverFile[] };

export function makePolicy(changes: PolicyChanges = {}): Policy {
  const given = { approvers: [], originLimits: [], ...POLICY_FILE, ...changes };
  const { labels, accountLimits, originLimits, approvers, ...policy } = given;
  const file = {
    approvers,
    policy: policySchema.parse(policy),
    labels: labelsSchema.parse(labels),
    accountLimits: accountLimitsSchema.parse(accountLimits),
    originLimits: originLimitsSchema.parse(originLimits),
  };
  const read = readPolicy(file, "regtest");
  if (read.faults.length > 0) throw new Error(JSON.stringify(read.faults));
  return read.policy;
}

/** A memory in which nothing ever happened. */
export function noHistory(nowMs: number): History {
  return {
    paid: new Map(),
    spenders: [],
    byAccount: new Map(),
    byDestination: new Map(),
    byOrigin: new Map(),
    ofWallet: [],
    internalFees: [],
    usualOfAccount: new Map(),
    usualHoursOfWallet: [],
    thisHourOfWalletSat: 0n,
    firstJudgedAtMs: nowMs,
    deliberations: new Map(),
    releasedBy: null,
  };
}

/** People who seal bundles, and one who decides. */
export type Office = {
  readonly signersFile: BundleSignersFile;
  readonly signers: BundleSigners;
  /** Their keys, in the order of the file. */
  readonly keys: readonly { readonly keyId: string; readonly privateKey: KeyObject }[];
  readonly carol: { readonly name: string; readonly privateKey: KeyObject; readonly publicKey: string };
};

export function makeOffice(): Office {
  const made = ["bundle-signer-1", "bundle-signer-2", "bundle-signer-3"].map((keyId) => ({ keyId, ...makeKey() }));
  const signersFile = bundleSignersSchema.parse({
    threshold: 2,
    signers: made.map(({ keyId, publicKey }) => ({ keyId, publicKey })),
  });
  return { signersFile, signers: readBundleSigners(signersFile), keys: made, carol: { name: "carol", ...makeKey() } };
}

export type BundleParts = {
  readonly version?: number;
  readonly previousSha256?: string;
  readonly madeAtMs?: number;
  readonly policy?: PolicyChanges;
  readonly changes?: object;
  /** How many of the office seal it; two unless told otherwise. */
  readonly sealedBy?: number;
};

type Content = Parameters<typeof makeBundle>[0];

/** The content of a bundle in which the backend's and online-risk's keys count and carol may decide everything. */
export function bundleContent(seals: Pick<Seals, "file">, office: Office, parts: BundleParts = {}): Content {
  const { labels, accountLimits, approvers, ...policy } = { ...POLICY_FILE, ...parts.policy };
  const counted = seals.file.filter(({ producer }) => producer === "exchange-backend" || producer === "online-risk");
  return {
    network: "regtest",
    version: parts.version ?? 1,
    previousSha256: parts.previousSha256 ?? "",
    madeAtMs: parts.madeAtMs ?? Date.now(),
    policy,
    labels,
    accountLimits,
    keys: counted.map(({ producer, keyId, publicKey }) => ({ producer, keyId, publicKey, fromMs: 0 })),
    people: [{ name: "carol", publicKey: office.carol.publicKey, roles: ["release", "veto"], fromMs: 0 }],
    ...(approvers === undefined ? {} : { approvers }),
    ...parts.changes,
  } as Content;
}

export function sealedBundle(seals: Pick<Seals, "file">, office: Office, parts: BundleParts = {}): Uint8Array {
  return sealAll(makeBundle(bundleContent(seals, office, parts)), office, parts.sealedBy ?? 2);
}

export function sealAll(unsealed: Uint8Array, office: Office, count: number): Uint8Array {
  return office.keys.slice(0, count).reduce((bytes, key) => {
    const sealed = sealBundle(bytes, key);
    if (!sealed.ok) throw new Error(sealed.refusal.detail);
    return sealed.value;
  }, unsealed);
}

function makeKey(): { readonly privateKey: KeyObject; readonly publicKey: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    privateKey,
    publicKey: publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64"),
  };
}
