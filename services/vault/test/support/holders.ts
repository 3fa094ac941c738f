// Three key holders of a test wallet, with keys that exist only in the test.
import { createECDH, randomBytes } from "node:crypto";
import {
  combineSignatures,
  type DecodedPayout,
  decodePayout,
  decodeTransaction,
  deriveScript,
  fingerprintOf,
  parseDescriptor,
  type WalletDescriptor,
  walletDescriptor,
  xpubFromPublicKey,
} from "@sluice/chains";
import { type SignDigest, signPayout } from "@sluice/chains/signing";

export type TestHolder = { readonly fingerprint: string; readonly sign: SignDigest; readonly key: HolderKey };

type HolderKey = { readonly fingerprint: string; readonly path: string; readonly xpub: string };

export type TestWallet = {
  readonly text: string;
  readonly descriptor: WalletDescriptor;
  readonly holders: readonly TestHolder[];
  readonly gapLimit: number;
};

const HARDENED = 2 ** 31;

export function createTestWallet(): TestWallet {
  const [a, b, c] = [createHolder(), createHolder(), createHolder()];
  const text = walletDescriptor("regtest", [a.key, b.key, c.key]);
  const parsed = parseDescriptor(text, "regtest");
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  return { text, descriptor: parsed.value, holders: [a, b, c], gapLimit: 200 };
}

/** The planned PSBT with the signatures of two holders, the first two unless told. */
export function signWithTwo(
  wallet: TestWallet,
  psbt: Uint8Array,
  pair: readonly [number, number] = [0, 1],
): Uint8Array {
  const decoded = decode(wallet, psbt);
  const partials = pair.map((at) => {
    const holder = wallet.holders[at];
    if (holder === undefined) throw new Error("there are three holders");
    return signPayout(decoded, wallet.descriptor, holder.fingerprint, holder.sign);
  });
  const combined = combineSignatures(psbt, partials, wallet.descriptor);
  if (!combined.ok) throw new Error(combined.refusal.detail);
  return combined.value.psbt;
}

export function decode(wallet: TestWallet, psbt: Uint8Array): DecodedPayout {
  const decoded = decodePayout(psbt, wallet.descriptor, { gapLimit: wallet.gapLimit });
  if (!decoded.ok) throw new Error(`${decoded.refusal.code}: ${decoded.refusal.detail}`);
  return decoded.value;
}

export type FundingCoin = {
  readonly txid: string;
  readonly vout: number;
  readonly amountSat: bigint;
  readonly branch: 0 | 1;
  readonly index: number;
  readonly previousTransaction: Uint8Array;
};

/** A transaction out of nowhere that pays the wallet, in the form without witnesses (BIP144). */
export function fund(wallet: TestWallet, amountSat: bigint, index = 0, branch: 0 | 1 = 0): FundingCoin {
  const { scriptPubKey } = deriveScript(wallet.descriptor, branch, index);
  const amount = Buffer.alloc(8);
  amount.writeBigUInt64LE(amountSat);
  const previousTransaction = Buffer.concat([
    Buffer.from("0200000001", "hex"),
    randomBytes(32),
    Buffer.from("0000000000fdffffff01", "hex"),
    amount,
    Buffer.of(scriptPubKey.length),
    scriptPubKey,
    Buffer.alloc(4),
  ]);
  return { txid: decodeTransaction(previousTransaction).txid, vout: 0, amountSat, branch, index, previousTransaction };
}

function createHolder(): TestHolder {
  const account = createECDH("secp256k1");
  account.generateKeys();
  const publicKey = account.getPublicKey(null, "compressed");
  const secret = BigInt(`0x${account.getPrivateKey("hex")}`);
  const fingerprint = fingerprintOf(publicKey);
  const xpub = xpubFromPublicKey({
    network: "regtest",
    depth: 4,
    parentFingerprint: "00000000",
    childNumber: HARDENED + 2,
    chainCode: randomBytes(32),
    publicKey,
  });
  const sign: SignDigest = (tweak, digest) => signCompact((secret + toBigInt(tweak)) % ORDER, digest);
  return { fingerprint, sign, key: { fingerprint, path: "48h/1h/0h/2h", xpub } };
}

const ORDER = BigInt("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");

/** ECDSA (SEC 1, 4.1.3) with a random nonce and the lower S, as 64 bytes. For keys of a test only: not constant in time. */
function signCompact(secret: bigint, digest: Uint8Array): Uint8Array {
  const nonce = createECDH("secp256k1");
  nonce.generateKeys();
  const k = BigInt(`0x${nonce.getPrivateKey("hex")}`);
  const r = toBigInt(nonce.getPublicKey().subarray(1, 33)) % ORDER;
  const s = (invert(k) * ((toBigInt(digest) + r * secret) % ORDER)) % ORDER;
  if (r === 0n || s === 0n) return signCompact(secret, digest);
  const low = s > ORDER / 2n ? ORDER - s : s;
  return Buffer.from(r.toString(16).padStart(64, "0") + low.toString(16).padStart(64, "0"), "hex");
}

/** The order is prime, so the inverse is the power of order - 2 (Fermat). */
function invert(value: bigint): bigint {
  let [result, base, exponent] = [1n, value % ORDER, ORDER - 2n];
  for (; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % ORDER;
    base = (base * base) % ORDER;
  }
  return result;
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}
