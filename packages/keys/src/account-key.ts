// From a holder's entropy to its account key at m/48'/coin'/0'/2' (BIP48, P2WSH multisig), and what is public of it.
import { hardenedChild, masterNode, type PrivateNode, wipeNode } from "./bip32.ts";
import { seedOf } from "./bip39.ts";
import { wipe } from "./guarded-memory.ts";
import { loadNativeCurve, type NativeCurve } from "./native-curve.ts";

export type Account = PrivateNode & {
  readonly masterPublicKey: Uint8Array;
  /** One step above the account. */
  readonly parentPublicKey: Uint8Array;
  /** As a descriptor spells it: "48h/0h/0h/2h". */
  readonly path: string;
  readonly depth: 4;
  readonly childNumber: number;
};

export const ENTROPY_BYTES = 32;

/** The coins of SLIP-44: 0 is Bitcoin, 1 is every test network. */
export type CoinType = 0 | 1;

/** `entropy` is read and left as it is; everything between it and the account is overwritten. */
export function deriveAccount(entropy: Uint8Array, coin: CoinType, curve: NativeCurve = loadNativeCurve()): Account {
  if (entropy.length !== ENTROPY_BYTES) throw new Error(`a holder's entropy has ${ENTROPY_BYTES} bytes`);
  const seed = seedOf(entropy);
  const master = masterNode(seed, curve);
  wipe(seed);
  const steps = [48, coin, 0, 2] as const;
  let node = master;
  let parentPublicKey = master.publicKey;
  for (const step of steps) {
    const child = hardenedChild(node, step, curve);
    parentPublicKey = node.publicKey;
    wipeNode(node);
    node = child;
  }
  return {
    ...node,
    masterPublicKey: master.publicKey,
    parentPublicKey,
    path: steps.map((step) => `${step}h`).join("/"),
    depth: 4,
    childNumber: 0x8000_0000 + 2,
  };
}
