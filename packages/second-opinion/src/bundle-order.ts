// Which bundle may follow which, and whether the one in force may still be judged by. Pure.
import type { Bundle } from "./bundle.ts";
import { BUNDLE_REFUSALS, type BundleRefusal, type BundleRefusalCode } from "./bundle-refusals.ts";

/** Clocks of people who are offline differ a little. */
const CLOCKS_DIFFER_MS = 10 * 60 * 1_000;

export type BundleInForce = Pick<Bundle, "version" | "sha256" | "keys">;

export type Succession =
  | { readonly kind: "accepted" }
  /** It is the one in force. */
  | { readonly kind: "known" }
  | { readonly kind: "refused"; readonly refusal: BundleRefusal };

export function judgeSuccession(offered: Bundle, inForce: BundleInForce | null, nowMs: number): Succession {
  if (inForce !== null && offered.sha256 === inForce.sha256) return { kind: "known" };
  const present = inForce?.version ?? 0;
  const versions = `${offered.version} after ${present === 0 ? "none" : present}`;
  if (offered.madeAtMs > nowMs + CLOCKS_DIFFER_MS) return refuse("BUNDLE_FROM_FUTURE", new Date(offered.madeAtMs));
  if (offered.version <= present) return refuse("BUNDLE_VERSION_LOWER", versions);
  if (offered.version !== present + 1) return refuse("BUNDLE_VERSION_GAP", versions);
  if (offered.previousSha256 !== (inForce?.sha256 ?? "")) return refuse("BUNDLE_PREVIOUS_OTHER", versions);
  // What was judged by a key can be read for as long as it is listed.
  const dropped = (inForce?.keys ?? []).filter(
    (key) => !offered.keys.some(({ keyId, publicKey }) => keyId === key.keyId && publicKey === key.publicKey),
  );
  if (dropped.length > 0) return refuse("BUNDLE_KEY_DROPPED", dropped.map(({ keyId }) => keyId).join(", "));
  return { kind: "accepted" };
}

function refuse(code: BundleRefusalCode, detail: string | Date): Succession {
  const said = typeof detail === "string" ? detail : detail.toISOString();
  return { kind: "refused", refusal: { code, detail: `${BUNDLE_REFUSALS[code]}: ${said}` } };
}
