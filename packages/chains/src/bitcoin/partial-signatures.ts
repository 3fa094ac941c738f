// What one holder hands over for a payout: a signature for every input, and how each is held against the plan.
import { ok, type Result } from "@sluice/core";
import { type ChainRefusal, type ChainRefusalCode, refuseChain } from "./chain-refusals.ts";
import type { DecodedSpends, Spend } from "./decode-inputs.ts";
import type { WalletDescriptor } from "./descriptor.ts";
import { isValidSignature, readSignature, type SignatureFault } from "./signature.ts";
import { equalBytes } from "./wire.ts";

export type InputSignature = {
  readonly inputIndex: number;
  /** The holder's key in the input's script: 33 bytes. */
  readonly publicKey: Uint8Array;
  /** Strict DER followed by SIGHASH_ALL, as it goes into the witness. */
  readonly signature: Uint8Array;
};

export type PartialSignatures = {
  /** The fingerprint of the holder's master key. */
  readonly holder: string;
  /** Of the unsigned transaction. */
  readonly txid: string;
  readonly signatures: readonly InputSignature[];
};

const FAULT_CODES = {
  MALFORMED: "SIGNATURE_MALFORMED",
  SIGHASH_TYPE: "SIGNATURE_SIGHASH_TYPE",
  HIGH_S: "SIGNATURE_HIGH_S",
} as const satisfies Record<SignatureFault, ChainRefusalCode>;

/** Step 7: every signature is verified against the holder's own key, derived here, and the digest of the planned bytes. */
export function checkPartialSignatures(
  partial: PartialSignatures,
  { document, spends }: Pick<DecodedSpends, "document" | "spends">,
  wallet: WalletDescriptor,
): Result<null, ChainRefusal> {
  const { holder, txid, signatures } = partial;
  if (!wallet.holders.some(({ fingerprint }) => fingerprint === holder)) return refuseChain("SIGNATURE_HOLDER_UNKNOWN");
  if (txid !== document.transaction.txid) return refuseChain("SIGNATURE_OTHER_TRANSACTION", `holder ${holder}`);
  const signed = new Set(signatures.map(({ inputIndex }) => inputIndex));
  if (signatures.length !== spends.length || !spends.every((_, at) => signed.has(at))) {
    return refuseChain("SIGNATURE_INPUTS", `holder ${holder}`);
  }
  for (const signature of signatures) {
    const spend = spends[signature.inputIndex];
    if (spend === undefined) throw new Error("every input was found");
    const code = signatureFault(signature, spend, holder);
    if (code !== null) return refuseChain(code, `holder ${holder}, input ${signature.inputIndex}`);
  }
  return ok(null);
}

function signatureFault(
  { publicKey, signature }: InputSignature,
  spend: Spend,
  holder: string,
): ChainRefusalCode | null {
  const own = spend.script.derivations.find(({ fingerprint }) => fingerprint === holder)?.publicKey;
  if (own === undefined || !equalBytes(own, publicKey)) return "SIGNATURE_KEY_FOREIGN";
  const compact = readSignature(signature);
  if (!compact.ok) return FAULT_CODES[compact.refusal];
  return isValidSignature(spend.sighash, own, compact.value) ? null : "SIGNATURE_INVALID";
}
