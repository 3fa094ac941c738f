// The extended public key that a holder contributes to a wallet at the ceremony (BIP32).
import { writeXpub } from "./extended-key.ts";
import type { BitcoinNetwork } from "./network.ts";

export { fingerprintOf } from "./extended-key.ts";

export type XpubParts = {
  readonly network: BitcoinNetwork;
  /** How many steps below the master key. */
  readonly depth: number;
  /** Eight hex digits: fingerprintOf the public key one step above; "00000000" for a master key. */
  readonly parentFingerprint: string;
  /** The last step, with the top bit (2^31) set for a hardened one. */
  readonly childNumber: number;
  readonly chainCode: Uint8Array;
  /** Compressed, 33 bytes. */
  readonly publicKey: Uint8Array;
};

export function xpubFromPublicKey({ network, ...key }: XpubParts): string {
  return writeXpub(network, key);
}
