// Step 7: the holders' signatures, verified and put into the planned PSBT.
import { ok, type Result } from "@sluice/core";
import { type ChainRefusal, refuseChain } from "./chain-refusals.ts";
import { decodeSpends } from "./decode-inputs.ts";
import type { WalletDescriptor } from "./descriptor.ts";
import { HARDENED } from "./extended-key.ts";
import { checkPartialSignatures, type PartialSignatures } from "./partial-signatures.ts";
import { INPUT, type PsbtField, serializePsbt } from "./psbt-format.ts";
import { compareBytes } from "./wire.ts";

/**
 * Takes the planned PSBT, unsigned, and what two or three holders handed over. Nothing is combined unless everything is
 * valid: a holder that hands over anything foreign is refused as a whole, with the first reason found.
 */
export function combineSignatures(
  psbt: Uint8Array,
  signatures: readonly PartialSignatures[],
  wallet: WalletDescriptor,
): Result<{ readonly psbt: Uint8Array }, ChainRefusal> {
  // The gap limit was a question for whoever approved the plan. Here only the bytes and the keys matter.
  const planned = decodeSpends(psbt, wallet, { gapLimit: HARDENED });
  if (!planned.ok) return planned;
  if (signatures.length < wallet.threshold) return refuseChain("SIGNATURES_TOO_FEW", `${signatures.length}`);
  if (new Set(signatures.map(({ holder }) => holder)).size < signatures.length)
    return refuseChain("SIGNATURE_HOLDER_TWICE");
  for (const partial of signatures) {
    const checked = checkPartialSignatures(partial, planned.value, wallet);
    if (!checked.ok) return checked;
  }
  const { globals, inputs, outputs } = planned.value.document;
  const signed = inputs.map((map, at) => {
    const before = map.filter(({ type }) => type < INPUT.PARTIAL_SIGNATURE);
    const after = map.filter(({ type }) => type >= INPUT.PARTIAL_SIGNATURE);
    return [...before, ...signatureFields(signatures, at), ...after];
  });
  return ok({ psbt: serializePsbt({ globals, inputs: signed, outputs }) });
}

/** Whether what one holder handed over is valid for every input of the planned PSBT. */
export function verifySignatures(
  psbt: Uint8Array,
  signatures: PartialSignatures,
  wallet: WalletDescriptor,
): Result<null, ChainRefusal> {
  const planned = decodeSpends(psbt, wallet, { gapLimit: HARDENED });
  return planned.ok ? checkPartialSignatures(signatures, planned.value, wallet) : planned;
}

/** In the order of their keys, so that the same signatures make the same bytes whoever's came first. */
function signatureFields(signatures: readonly PartialSignatures[], inputIndex: number): readonly PsbtField[] {
  return signatures
    .flatMap((partial) => partial.signatures.filter((signature) => signature.inputIndex === inputIndex))
    .map(({ publicKey, signature }) => ({ type: INPUT.PARTIAL_SIGNATURE, keyData: publicKey, value: signature }))
    .toSorted((left, right) => compareBytes(left.keyData, right.keyData));
}
