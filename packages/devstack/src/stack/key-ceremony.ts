// The demo's ceremony: three holders' keys and the public descriptor of their wallet. It plays the custodians, so it
// keeps each key for the holder that comes back after a restart; the real ceremony never has three keys in one place.
import { createECDH, randomBytes } from "node:crypto";
import { fingerprintOf, walletDescriptor, xpubFromPublicKey } from "@sluice/chains";
import { HOLDERS, type Holder } from "@sluice/contracts";

export type Ceremony = {
  readonly descriptor: string;
  /** 32 bytes for the holder's standard input. */
  readonly keyOf: (holder: Holder) => Uint8Array;
  readonly wipe: () => void;
};

const HARDENED = 0x8000_0000;
/** m/48'/1'/0'/2': multisig on a test network, account 0, P2WSH (BIP48). */
const ACCOUNT_PATH = "48h/1h/0h/2h";
const ACCOUNT_DEPTH = 4;
const ACCOUNT_CHILD = 2 + HARDENED;

export function holdCeremony(): Ceremony {
  const keys = new Map<Holder, Buffer>();
  const holders = HOLDERS.map((holder) => {
    const curve = createECDH("secp256k1");
    curve.generateKeys();
    const key = Buffer.alloc(32);
    const scalar = curve.getPrivateKey();
    scalar.copy(key, 32 - scalar.length);
    scalar.fill(0);
    keys.set(holder, key);
    const publicKey = curve.getPublicKey(null, "compressed");
    const xpub = xpubFromPublicKey({
      network: "regtest",
      depth: ACCOUNT_DEPTH,
      // The account key itself is drawn at random here; nothing above it exists.
      parentFingerprint: "00000000",
      childNumber: ACCOUNT_CHILD,
      chainCode: randomBytes(32),
      publicKey,
    });
    return { fingerprint: fingerprintOf(publicKey), path: ACCOUNT_PATH, xpub };
  });
  const [a, b, c] = holders;
  if (a === undefined || b === undefined || c === undefined) throw new Error("a wallet needs three holders");
  return {
    descriptor: walletDescriptor("regtest", [a, b, c]),
    keyOf: (holder) => {
      const key = keys.get(holder);
      if (key === undefined) throw new Error(`${holder} has no key`);
      return key;
    },
    wipe: () => {
      for (const key of keys.values()) key.fill(0);
    },
  };
}
