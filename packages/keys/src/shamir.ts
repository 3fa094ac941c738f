// Shamir's scheme over a secret that the library never sees: it gets the secret under a random mask, the mask stays here.
import { combine, split } from "shamir-secret-sharing";
import type { SecureBuffer } from "sodium-native";
import { guarded, guardedRandom, wipe } from "./guarded-memory.ts";

/**
 * Shares of a secret in guarded memory, each one byte longer than it. The scheme is linear: a mask added to the secret
 * is added to every share, and added to every share again it is gone. So the audited library does all the arithmetic,
 * in ordinary memory, on bytes that say nothing about the secret.
 */
export async function splitSecret(
  secret: Uint8Array,
  { shares, threshold }: { readonly shares: number; readonly threshold: number },
): Promise<readonly SecureBuffer[]> {
  const mask = guardedRandom(secret.length);
  const masked = xored(new Uint8Array(secret.length), secret, mask);
  const made = await split(masked, shares, threshold);
  const unmasked = made.map((share) => {
    const own = guarded(share.length);
    own[secret.length] = share[secret.length] ?? 0;
    xored(own, share.subarray(0, secret.length), mask);
    return own;
  });
  wipe(mask);
  return unmasked;
}

/** Any `threshold` shares give the secret; fewer, or one that is wrong, give something else without a word. */
export async function combineShares(shares: readonly Uint8Array[]): Promise<SecureBuffer> {
  const length = (shares[0]?.length ?? 1) - 1;
  const mask = guardedRandom(length);
  const masked = shares.map((share) => {
    const own = new Uint8Array(share.length);
    own[length] = share[length] ?? 0;
    return xored(own, share.subarray(0, length), mask);
  });
  const combined = await combine(masked);
  const secret = guarded(length);
  xored(secret, combined, mask);
  wipe(mask);
  return secret;
}

/** Byte by byte, so that nothing but a single byte is ever outside of what was given. */
function xored<T extends Uint8Array>(into: T, left: Uint8Array, right: Uint8Array): T {
  for (let at = 0; at < left.length; at += 1) into[at] = (left[at] ?? 0) ^ (right[at] ?? 0);
  return into;
}
