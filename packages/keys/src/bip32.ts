// BIP32 from a seed down a hardened path. Every private key on the way lies in guarded memory and is overwritten.
import type { SecureBuffer } from "sodium-native";
import { guarded, wipe } from "./guarded-memory.ts";
import { hmacSha512 } from "./hmac-sha512.ts";
import type { NativeCurve } from "./native-curve.ts";

export type PrivateNode = {
  /** 32 bytes; whoever has the node wipes it. */
  readonly key: SecureBuffer;
  /** 32 bytes; of an account it is public, above it is nobody's business. */
  readonly chainCode: SecureBuffer;
  /** Compressed. */
  readonly publicKey: Uint8Array;
};

export const HARDENED = 0x8000_0000;

export function masterNode(seed: Uint8Array, curve: NativeCurve): PrivateNode {
  const digest = hmacSha512(Buffer.from("Bitcoin seed", "latin1"), seed);
  const [key, chainCode] = halves(digest);
  if (!curve.privateKeyVerify(key)) throw new Error("this seed has no master key (a chance of 1 in 2^127)");
  return { key, chainCode, publicKey: curve.publicKeyCreate(key, true) };
}

/** CKDpriv for a hardened child: the number is below 2^31 and counted from it. The parent stays as it is. */
export function hardenedChild(parent: PrivateNode, number: number, curve: NativeCurve): PrivateNode {
  const data = guarded(1 + 32 + 4);
  data.set(parent.key, 1);
  data.writeUInt32BE(HARDENED + number, 33);
  const digest = hmacSha512(parent.chainCode, data);
  wipe(data);
  const [key, chainCode] = halves(digest);
  // In place: the left half plus the parent's key, modulo the order. It refuses what BIP32 says to refuse.
  curve.privateKeyTweakAdd(key, parent.key);
  return { key, chainCode, publicKey: curve.publicKeyCreate(key, true) };
}

export function wipeNode(node: PrivateNode): void {
  wipe(node.key, node.chainCode);
}

function halves(digest: SecureBuffer): readonly [SecureBuffer, SecureBuffer] {
  const left = guarded(32);
  const right = guarded(32);
  left.set(digest.subarray(0, 32));
  right.set(digest.subarray(32));
  wipe(digest);
  return [left, right];
}
