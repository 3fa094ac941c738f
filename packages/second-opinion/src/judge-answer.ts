// Step 7, first half: what a holder's answer to an order is worth. Pure.
import {
  decodePayout,
  deriveScript,
  INDEX_LIMIT,
  type PartialSignatures,
  verifySignatures,
  type Wallet,
} from "@sluice/chains";
import type { MessageOf } from "@sluice/contracts";

type Answered = MessageOf<"signing.answered.v1">;

export type Answer =
  | { readonly kind: "signatures" }
  | { readonly kind: "invalid" | "refusal"; readonly code: string; readonly reason: string };

/**
 * A holder whose signatures do not verify is passed over like one that refuses, but it may have made valid ones too; so
 * may one that refuses what it signed before.
 */
export function judgeAnswer(message: Answered, psbt: Uint8Array, wallet: Wallet): Answer {
  if (message.answer.case === "refusal") {
    const { code, reason, signedBefore = false } = message.answer.value;
    return { kind: signedBefore ? "invalid" : "refusal", code, reason };
  }
  const partial = toPartial(message, psbt, wallet);
  if (partial === null) return { kind: "invalid", code: "SIGNATURE_KEY_FOREIGN", reason: "no holder's key" };
  const verified = verifySignatures(psbt, partial, wallet.descriptor);
  if (verified.ok) return { kind: "signatures" };
  return { kind: "invalid", code: verified.refusal.code, reason: verified.refusal.detail };
}

/** The answer as chains takes it; the holder's fingerprint is found by its public key in the first input's script. */
export function toPartial(message: Answered, psbt: Uint8Array, wallet: Wallet): PartialSignatures | null {
  if (message.answer.case !== "signatures") return null;
  const decoded = decodePayout(psbt, wallet.descriptor, {
    gapLimit: wallet.gapLimit,
    indexLimit: INDEX_LIMIT,
  });
  const [first] = decoded.ok ? decoded.value.inputs : [];
  const given = message.answer.value.inputs.find(({ input }) => input === 0);
  if (first === undefined || given === undefined) return null;
  const script = deriveScript(wallet.descriptor, first.branch, first.index);
  const key = Buffer.from(given.publicKey);
  const holder = script.derivations.find(({ publicKey }) => key.equals(publicKey))?.fingerprint;
  if (holder === undefined) return null;
  const signatures = message.answer.value.inputs.map(({ input, publicKey, signature }) => ({
    inputIndex: input,
    publicKey,
    signature,
  }));
  return { holder, txid: message.transactionId, signatures };
}
