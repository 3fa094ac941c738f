// Step 8: from the planned PSBT and its signed form to the transaction that is broadcast.
import { ok, type Result } from "@sluice/core";
import { type ChainRefusal, refuseChain } from "./chain-refusals.ts";
import { decodeSpends } from "./decode-inputs.ts";
import type { WalletDescriptor } from "./descriptor.ts";
import { HARDENED } from "./extended-key.ts";
import { fieldOf, fieldsOf, GLOBAL, INPUT } from "./psbt-format.ts";
import { serializeWithWitnesses } from "./transaction.ts";
import { equalBytes } from "./wire.ts";

/**
 * The signed PSBT must hold the planned transaction byte for byte; each of its signatures is verified again. Returns the
 * network serialisation and its id, which is the planned one: the witnesses are not part of it.
 */
export function finalisePayout(
  plannedPsbt: Uint8Array,
  signedPsbt: Uint8Array,
  wallet: WalletDescriptor,
): Result<{ readonly transaction: Uint8Array; readonly txid: string }, ChainRefusal> {
  const planned = decodeSpends(plannedPsbt, wallet, { gapLimit: HARDENED });
  if (!planned.ok) return planned;
  const signed = decodeSpends(signedPsbt, wallet, { gapLimit: HARDENED, signatures: "verify" });
  if (!signed.ok) return signed;
  const plannedBytes = fieldOf(planned.value.document.globals, GLOBAL.UNSIGNED_TRANSACTION);
  const signedBytes = fieldOf(signed.value.document.globals, GLOBAL.UNSIGNED_TRANSACTION);
  if (plannedBytes === null || signedBytes === null) throw new Error("a parsed PSBT has its unsigned transaction");
  if (!equalBytes(plannedBytes, signedBytes)) return refuseChain("SIGNED_OTHER_TRANSACTION");

  const witnesses: (readonly Uint8Array[])[] = [];
  for (const [at, { script }] of planned.value.spends.entries()) {
    const fields = fieldsOf(signed.value.document.inputs[at] ?? [], INPUT.PARTIAL_SIGNATURE);
    // CHECKMULTISIG takes exactly the threshold, in the order of the script's keys, and one empty item before them.
    const signatures = script.publicKeys
      .flatMap((publicKey) => fields.find(({ keyData }) => equalBytes(keyData, publicKey))?.value ?? [])
      .slice(0, wallet.threshold);
    if (signatures.length < wallet.threshold) return refuseChain("SIGNATURES_TOO_FEW", `input ${at}`);
    witnesses.push([new Uint8Array(), ...signatures, script.witnessScript]);
  }
  const { transaction } = planned.value.document;
  return ok({ transaction: serializeWithWitnesses(transaction, witnesses), txid: transaction.txid });
}
