// Ed25519 of the same bytes is worked out once: nine generated changes of ten leave every clearance as it was sealed.
import crypto, { type KeyObject } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

export type Remembered = {
  /** How often a signature was known, and how often it was worked out. */
  readonly counts: () => { readonly known: number; readonly workedOut: number };
  readonly forget: () => void;
};

/** Far more than what is honest here; what was made of it and sealed anew is worked out when it comes. */
const MOST = 1_000;

/**
 * From here on a signature that was found good of these very bytes by this very key is known to be good. One that was not
 * is worked out every time, and all else that is asked of a sealed message is asked as before.
 */
export function rememberGoodSignatures(): Remembered {
  const { verify } = crypto;
  const good = new WeakMap<KeyObject, Set<string>>();
  const counts = { known: 0, workedOut: 0 };
  const remembering = (algorithm: null, bytes: Uint8Array, key: KeyObject, signature: Uint8Array): boolean => {
    const goodOfKey = good.get(key) ?? new Set();
    good.set(key, goodOfKey);
    const name = `${exact(signature)} ${exact(bytes)}`;
    if (goodOfKey.has(name)) {
      counts.known += 1;
      return true;
    }
    counts.workedOut += 1;
    const holds = verify(algorithm, bytes, key, signature);
    if (holds && goodOfKey.size < MOST) goodOfKey.add(name);
    return holds;
  };
  crypto.verify = remembering as typeof crypto.verify;
  syncBuiltinESMExports();
  return {
    counts: () => ({ ...counts }),
    forget: () => {
      crypto.verify = verify;
      syncBuiltinESMExports();
    },
  };
}

/** One character for each byte: no two byte strings are spelt alike. */
function exact(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
