// Why a bundle is refused, in the order in which it is checked.

export const BUNDLE_REFUSALS = {
  BUNDLE_TOO_LARGE: "a bundle has at most 1,000,000 bytes",
  BUNDLE_MALFORMED: "a bundle is one line of seals and a content, each JSON in its one form",
  BUNDLE_SIGNER_UNKNOWN: "every seal is one of a signer who is pinned here",
  BUNDLE_SEAL_WRONG: "every seal is over these exact bytes",
  BUNDLE_SIGNERS_TOO_FEW: "enough different signers have sealed it",
  BUNDLE_CONTENT_INVALID: "the content has its form, and every label, key and person reads",
  BUNDLE_FOR_OTHER_NETWORK: "it is made for the network of this zone",
  BUNDLE_FROM_FUTURE: "it was not made later than now",
  BUNDLE_VERSION_LOWER: "its version is above the one in force",
  BUNDLE_VERSION_GAP: "its version is the next one; the first is 1",
  BUNDLE_PREVIOUS_OTHER: "it names the hash of the one in force; the first names none",
  BUNDLE_KEY_DROPPED: "every key of the one in force is still listed; it may be revoked",
} as const;

export type BundleRefusalCode = keyof typeof BUNDLE_REFUSALS;

export type BundleRefusal = { readonly code: BundleRefusalCode; readonly detail: string };
