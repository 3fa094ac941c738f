// The people of one stack who seal bundles and decide at the zone's console, made anew for every start; its first bundle.
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { TrustFile } from "@sluice/contracts";
import { type BundleSignersFile, makeBundle, sealBundle } from "@sluice/second-opinion";

export type BundleSigner = { readonly keyId: string; readonly privateKey: KeyObject };

export type Office = {
  /** Pinned in the zone: two of these have to seal. */
  readonly signersFile: BundleSignersFile;
  readonly signers: readonly BundleSigner[];
  /** May release and veto. */
  readonly person: { readonly name: string; readonly privateKey: KeyObject };
  readonly firstBundle: Uint8Array;
  /** The version after the last one that this office made, with these parts of the policy or labels changed. */
  readonly next: (changes: { readonly policy?: object; readonly labels?: readonly object[] }) => Uint8Array;
};

export function openOffice(trust: TrustFile, offline: object, madeAtMs: number): Office {
  const signers = ["bundle-signer-1", "bundle-signer-2"].map((keyId) => ({ keyId, ...makeKey() }));
  const person = { name: "officer", ...makeKey() };
  let content = contentOf(trust, offline, person, madeAtMs);
  const seal = (): Uint8Array => signers.reduce((bytes, signer) => sealWith(bytes, signer), makeBundle(content));
  const firstBundle = seal();
  return {
    signersFile: { threshold: 2, signers: signers.map(({ keyId, publicKey }) => ({ keyId, publicKey })) },
    signers,
    person,
    firstBundle,
    next: ({ policy = {}, labels = content.labels }) => {
      const previousSha256 = createHash("sha256").update(JSON.stringify(content)).digest("hex");
      const { version } = content;
      const changed = { policy: { ...content.policy, ...policy }, labels } as Pick<Content, "policy" | "labels">;
      content = { ...content, ...changed, version: version + 1, previousSha256, madeAtMs: Date.now() };
      return seal();
    },
  };
}

type Content = Parameters<typeof makeBundle>[0];

function contentOf(
  trust: TrustFile,
  offline: object,
  person: { readonly name: string; readonly publicKey: string },
  madeAtMs: number,
): Content {
  const { labels, accountLimits, originLimits, ...policy } = offline as Record<string, unknown>;
  // People's keys are for online-risk: the zone takes no request that one of them signed.
  const keys = trust
    .filter(({ keyId }) => !keyId.startsWith("officer-"))
    .filter(({ producer }) => producer === "exchange-backend" || producer === "online-risk")
    .map(({ producer, keyId, publicKey }) => ({ producer, keyId, publicKey, fromMs: 0 }));
  const { name, publicKey } = person;
  return {
    network: "regtest",
    version: 1,
    previousSha256: "",
    madeAtMs,
    policy,
    labels,
    accountLimits,
    ...(originLimits === undefined ? {} : { originLimits }),
    keys,
    people: [{ name, publicKey, roles: ["release", "veto"], fromMs: 0 }],
  } as Content;
}

function sealWith(bytes: Uint8Array, signer: BundleSigner): Uint8Array {
  const sealed = sealBundle(bytes, signer);
  if (!sealed.ok) throw new Error(sealed.refusal.detail);
  return sealed.value;
}

function makeKey(): { readonly privateKey: KeyObject; readonly publicKey: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  return { privateKey, publicKey: raw.toString("base64") };
}
