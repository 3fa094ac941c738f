// Step 6: the public half of signing a payout. The secret half is a callback that never shows its key.
import { privateAdd } from "tiny-secp256k1";
import type { DecodedPayout } from "./bitcoin/decode.ts";
import type { WalletDescriptor, WalletHolder } from "./bitcoin/descriptor.ts";
import type { InputSignature, PartialSignatures } from "./bitcoin/partial-signatures.ts";
import { isLowS, isValidSignature, writeSignature } from "./bitcoin/signature.ts";
import { type Branch, branchKey, deriveHolderKey } from "./bitcoin/wallet.ts";

export type { InputSignature, PartialSignatures } from "./bitcoin/partial-signatures.ts";

/** Where on the wallet the key is: what a holder writes into its journal. */
export type KeyPosition = { readonly branch: Branch; readonly index: number };

/**
 * Signs 32 bytes with the holder's account key plus the tweak (mod n) and returns the 64-byte compact form with low S.
 * The tweak is public: whoever has the descriptor can compute it.
 */
export type SignDigest = (childTweak: Uint8Array, digest: Uint8Array, position: KeyPosition) => Uint8Array;

/** The callback returned something that may not leave the holder. */
export class SigningError extends Error {
  readonly code: "HOLDER_UNKNOWN" | "SIGNATURE_LENGTH" | "SIGNATURE_HIGH_S" | "SIGNATURE_INVALID";

  constructor(code: SigningError["code"], message: string) {
    super(message);
    this.name = "SigningError";
    this.code = code;
  }
}

/**
 * Signs every input of a payout that decodePayout made from bytes in this same process. Each signature is verified
 * against the holder's key as the descriptor derives it before it is returned: a faulty one can give the key away.
 */
export function signPayout(
  decoded: DecodedPayout,
  wallet: WalletDescriptor,
  holder: string,
  sign: SignDigest,
): PartialSignatures {
  const { fingerprint } = findHolder(wallet, holder);
  const signatures = decoded.inputs.map(({ branch, index, sighash }, inputIndex): InputSignature => {
    const { publicKey, tweak } = childKey(wallet, fingerprint, { branch, index });
    const compact = sign(tweak, sighash.slice(), { branch, index });
    const where = `input ${inputIndex}`;
    if (compact.length !== 64) throw new SigningError("SIGNATURE_LENGTH", `${where}: a signature has 64 bytes`);
    if (!isLowS(compact)) throw new SigningError("SIGNATURE_HIGH_S", `${where}: S is not the lower of the two`);
    if (!isValidSignature(sighash, publicKey, compact)) {
      throw new SigningError("SIGNATURE_INVALID", `${where}: the signature does not verify with the holder's key`);
    }
    return { inputIndex, publicKey, signature: writeSignature(compact) };
  });
  return { holder: fingerprint, txid: decoded.txid, signatures };
}

/**
 * The holder's key at a branch and index, and the sum of both steps' tweaks (BIP32, CKDpriv without hardening): what is
 * added to the account's private key to get the child's.
 */
export function childKey(
  wallet: WalletDescriptor,
  holder: string,
  { branch, index }: KeyPosition,
): { readonly publicKey: Uint8Array; readonly tweak: Uint8Array } {
  const step = deriveHolderKey(wallet, holder, branch, index);
  // Both summands are public; the function only happens to be named for keys.
  const tweak = privateAdd(branchKey(wallet, holder, branch).tweak, step.tweak);
  if (tweak === null) throw new Error("two tweaks cancel each other out");
  return { publicKey: step.publicKey, tweak };
}

export type AccountKey = {
  readonly publicKey: Uint8Array;
  readonly chainCode: Uint8Array;
  readonly fingerprint: string;
};

/** What the descriptor says of one holder's account key: to be compared with the unsealed one before anything is signed. */
export function accountKeyFromXpub(wallet: WalletDescriptor, holder: string): AccountKey {
  const { publicKey, chainCode, fingerprint } = findHolder(wallet, holder);
  return { publicKey: publicKey.slice(), chainCode: chainCode.slice(), fingerprint };
}

function findHolder(wallet: WalletDescriptor, fingerprint: string): WalletHolder {
  const holder = wallet.holders.find((candidate) => candidate.fingerprint === fingerprint);
  if (holder === undefined) throw new SigningError("HOLDER_UNKNOWN", "no holder of the wallet has this fingerprint");
  return holder;
}
