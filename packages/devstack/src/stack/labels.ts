// A small store of address labels for each risk system, its own copy: the committed sample of OFAC's list, and what is given besides.
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Change,
  canonicalAddress,
  chainOfNetwork,
  loadList,
  makeUpdate,
  sealUpdate,
} from "@sluice/address-labels";

/** Addresses of regtest that are black in one copy only: what both are to know stands in both. */
export type StackLabels = {
  readonly "online-risk"?: readonly string[];
  readonly "semi-offline-risk"?: readonly string[];
};

export const LABELLED = ["online-risk", "semi-offline-risk"] as const;
export type Labelled = (typeof LABELLED)[number];

/** What a risk system is told about its store. */
export function labelPlaces(folder: string): { readonly store: string; readonly updates: string } {
  return { store: join(folder, "store"), updates: join(folder, "updates") };
}

const SAMPLE = fileURLToPath(
  new URL("../../../address-labels/test/fixtures/ofac-2018-11-28-advanced.xml", import.meta.url),
);
const SAMPLE_DATE = "2018-11-28";
const SIGNER = "label-signer-1";

/** The stores of a stack; without labels there are none. */
export function planLabels(directory: string, labels: StackLabels | undefined) {
  const labelsOf = (side: Labelled): string => join(directory, "labels", side);
  if (labels === undefined) return { signers: {}, labelsOf: null };
  const folders = { "online-risk": labelsOf("online-risk"), "semi-offline-risk": labelsOf("semi-offline-risk") };
  return { signers: writeLabels(folders, labels), labelsOf };
}

/** Puts one sealed snapshot into each folder, where the store finds it; resolves to the content of the file of signers. */
export function writeLabels(folders: Readonly<Record<Labelled, string>>, labels: StackLabels): object {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  for (const side of LABELLED) {
    const { updates } = labelPlaces(folders[side]);
    mkdirSync(updates, { recursive: true, mode: 0o700 });
    const path = join(updates, "1.labels");
    const changes = [...sample(), ...(labels[side] ?? []).map(black)];
    makeUpdate({ path, kind: "snapshot", follows: null, madeAtMs: Date.now(), changes });
    const sealed = sealUpdate(path, { keyId: SIGNER, privateKey });
    if (!sealed.ok) throw new Error(sealed.refusal.detail);
  }
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
  return { threshold: 1, signers: [{ keyId: SIGNER, publicKey: raw }] };
}

function sample(): readonly Change[] {
  const bad: { readonly line: number; readonly rule: string }[] = [];
  const changes = [...loadList({ format: "ofac", path: SAMPLE, source: "ofac-sdn", since: SAMPLE_DATE }, bad)];
  if (bad.length > 0) throw new Error(`the sample of OFAC's list does not read: ${bad[0]?.rule}`);
  return changes;
}

function black(address: string): Change {
  const chain = chainOfNetwork("regtest");
  const canonical = canonicalAddress(chain, address);
  if (!canonical.ok) throw new Error(canonical.refusal.detail);
  const label = {
    tier: "black",
    category: "theft",
    source: "devstack",
    confidence: 100,
    sinceMs: 1_700_000_000_000,
  } as const;
  return { chain, canonical: canonical.value, label };
}
