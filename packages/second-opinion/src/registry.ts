// Whose requests and clearances count now, by the bundle alone. Pure.
import { ed25519PublicKey, type Trust, type TrustedKey } from "@sluice/contracts";
import type { RegisteredKey } from "./bundle-content.ts";

/** A key that is not valid yet is like one that is not listed; one that was is named as revoked or expired. */
export function registryTrust(keys: readonly RegisteredKey[], nowMs: number): Trust {
  const known = new Map<string, TrustedKey>(
    keys
      .filter(({ fromMs }) => nowMs >= fromMs)
      .map(({ producer, keyId, publicKey, untilMs, revoked }) => [
        keyId,
        {
          producer,
          keyId,
          publicKey: ed25519PublicKey(Buffer.from(publicKey, "base64")),
          revoked: revoked === true,
          expired: untilMs !== undefined && nowMs >= untilMs,
        },
      ]),
  );
  return {
    find: (producer, keyId) => {
      const key = known.get(keyId);
      return key?.producer === producer ? key : undefined;
    },
  };
}

/** For what was judged before: as it is listed, revoked or ended since or not. */
export function listedTrust(keys: readonly RegisteredKey[]): Trust {
  const { find } = registryTrust(keys, Number.POSITIVE_INFINITY);
  return {
    find: (producer, keyId) => {
      const key = find(producer, keyId);
      return key === undefined ? undefined : { ...key, revoked: false, expired: false };
    },
  };
}
