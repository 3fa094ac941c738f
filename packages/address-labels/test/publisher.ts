// For this package's tests: somebody who publishes updates, the addresses that they are about, and what the store should then say.
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { type Change, type InForce, type Label, makeUpdate, sealUpdate } from "../src/index.ts";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
export const KEY = { keyId: "publisher", privateKey };
export const SIGNERS = {
  threshold: 1,
  signers: [{ keyId: KEY.keyId, publicKey: rawOf(publicKey) }],
};

export function rawOf(key: typeof publicKey): string {
  return key.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
}

export function addressNumber(number: number): Pick<Change, "chain" | "canonical"> {
  return { chain: "tron", canonical: Buffer.from(`T-address-${number}`, "ascii") };
}

export function labelled(number: number, source: string, tier: Change["label"]["tier"], confidence = 50): Change {
  const label = { tier, category: "scam", source, confidence, sinceMs: 1_700_000_000_000 + number * 1_000 };
  return { ...addressNumber(number), label };
}

/** By address and source, as the updates say one after the other. */
export class Model {
  readonly labels = new Map<string, Map<string, Label>>();

  apply(kind: "snapshot" | "delta", changes: readonly Change[]): void {
    if (kind === "snapshot") this.labels.clear();
    for (const { canonical, label } of changes) {
      const id = Buffer.from(canonical).toString();
      const known = this.labels.get(id) ?? new Map<string, Label>();
      const { tier, ...rest } = label;
      if (tier === "removed") known.delete(label.source);
      else known.set(label.source, { tier, ...rest });
      this.labels.set(id, known);
    }
  }

  of(number: number): readonly Label[] {
    const known = this.labels.get(Buffer.from(addressNumber(number).canonical).toString());
    return [...(known?.values() ?? [])].toSorted((a, b) => (a.source < b.source ? -1 : 1));
  }
}

/** Writes and seals the next update; answers with its path. */
export class Publisher {
  readonly directory: string;
  follows: InForce | null = null;

  constructor(directory: string) {
    this.directory = directory;
  }

  publish(
    kind: "snapshot" | "delta",
    changes: readonly Change[],
    at: { readonly follows?: InForce | null } = {},
  ): string {
    const follows = at.follows === undefined ? this.follows : at.follows;
    const path = join(this.directory, `${(follows?.version ?? 0) + 1}-${Math.random()}.labels`);
    const { sha256, content } = makeUpdate({ path, kind, follows, madeAtMs: 1_750_000_000_000, changes });
    const sealed = sealUpdate(path, KEY);
    if (!sealed.ok) throw new Error(sealed.refusal.code);
    this.follows = { version: content.version, sha256 };
    return path;
  }
}
