// Valid addresses for tests, made from numbers; and two hot wallets of three holders each that never were.
import { createECDH, createHash } from "node:crypto";
import {
  addressOf,
  type BitcoinNetwork,
  deriveScript,
  type HolderKey,
  parseDescriptor,
  walletDescriptor,
  xpubFromPublicKey,
} from "@sluice/chains";

/** A P2WPKH address whose program is the number: nobody's, and another one for each number. */
export function addressNumber(number: number, network: BitcoinNetwork = "regtest"): string {
  const program = new Uint8Array(20);
  new DataView(program.buffer).setUint32(8, number);
  new DataView(program.buffer).setUint32(0, Math.imul(number, 2_654_435_761) >>> 0);
  const address = addressOf(network, Uint8Array.of(0x00, 20, ...program));
  if (address === null) throw new Error("a witness program without an address");
  return address;
}

export const HOT_WALLET = walletDescriptor("regtest", [holder("a"), holder("b"), holder("c")]);

export const SECOND_WALLET = walletDescriptor("regtest", [holder("d"), holder("e"), holder("f")]);

export function hotAddress(branch: 0 | 1, index: number, of = HOT_WALLET): string {
  const parsed = parseDescriptor(of, "regtest");
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  return deriveScript(parsed.value, branch, index).address;
}

function holder(name: string): HolderKey {
  const own = createECDH("secp256k1");
  own.setPrivateKey(createHash("sha256").update(`test holder ${name}`).digest());
  const xpub = xpubFromPublicKey({
    ...{ network: "regtest", depth: 4, parentFingerprint: "00000001", childNumber: 0x8000_0002 },
    chainCode: createHash("sha256").update(`test chain code ${name}`).digest(),
    publicKey: own.getPublicKey(null, "compressed"),
  });
  const fingerprint = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return { fingerprint, path: "48h/1h/0h/2h", xpub };
}
