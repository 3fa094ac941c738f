// Every code with which bytes from outside are refused, in the order in which the checks are made, with its rule.
import { type Result, refused } from "@sluice/core";

export const CHAIN_REFUSALS = {
  // The container: is it a PSBT of version 0, in its one form?
  PSBT_TOO_LARGE: "a PSBT has at most 1 MiB",
  PSBT_MAGIC_MISSING: "a PSBT begins with its magic bytes",
  PSBT_TRUNCATED: "every field and map is complete",
  PSBT_LENGTH_NOT_MINIMAL: "every length has its shortest form",
  PSBT_KEY_DUPLICATE: "no map has a key twice",
  PSBT_KEY_MALFORMED: "the key of a known field has the field's length",
  PSBT_VALUE_MALFORMED: "the value of a known field has the field's form",
  PSBT_VERSION_UNSUPPORTED: "a PSBT has version 0",
  PSBT_TRANSACTION_MISSING: "a PSBT holds an unsigned transaction",
  PSBT_TRANSACTION_MALFORMED: "the unsigned transaction is one in the form without witnesses, and nothing besides",
  PSBT_TRANSACTION_SIGNED: "the inputs of the unsigned transaction have no scriptSig",
  PSBT_TRAILING_BYTES: "nothing follows the last map",
  GLOBAL_FIELD_PROPRIETARY: "the global map has no proprietary field",
  GLOBAL_FIELD_UNEXPECTED: "the global map has the unsigned transaction and nothing else",

  // The unsigned transaction as a whole.
  TRANSACTION_VERSION: "a payout has transaction version 2",
  TRANSACTION_LOCKTIME: "a payout has locktime 0",
  TRANSACTION_NO_INPUTS: "a payout has at least one input",
  TRANSACTION_NO_OUTPUTS: "a payout has at least one output",
  TRANSACTION_TOO_LARGE: "a payout is not larger than what nodes relay",
  TRANSACTION_INPUT_DUPLICATE: "a payout spends no outpoint twice",
  TRANSACTION_SEQUENCE: "every input of a payout signals that it may be replaced, with sequence 0xfffffffd",

  // Each input, one after the other.
  INPUT_FINAL_FIELD: "an input has no final script or witness",
  INPUT_TAPROOT_FIELD: "an input has no taproot field",
  INPUT_REDEEM_SCRIPT: "an input has no redeem script",
  INPUT_FIELD_PROPRIETARY: "an input has no proprietary field",
  INPUT_FIELD_UNEXPECTED: "an input has no field besides those of an unsigned P2WSH input",
  INPUT_SIGNATURE_PRESENT: "an input is not signed yet",
  INPUT_SIGHASH_TYPE: "an input is signed for all inputs and outputs: SIGHASH_ALL, or no type at all",
  PREVIOUS_TRANSACTION_MISSING: "every input has its full previous transaction",
  PREVIOUS_TRANSACTION_MALFORMED: "the previous transaction is one, and nothing besides",
  PREVIOUS_TRANSACTION_WITNESS: "the previous transaction has the form without witnesses, which its id commits to",
  PREVIOUS_TRANSACTION_ID: "the previous transaction is the one whose id the input names",
  PREVIOUS_OUTPUT_MISSING: "the previous transaction has the output that the input names",
  INPUT_AMOUNT: "no more than all that can ever exist is spent",
  WITNESS_UTXO_AMOUNT: "the amount claimed for an input is the one in its previous transaction",
  WITNESS_UTXO_SCRIPT: "the script claimed for an input is the one in its previous transaction",
  INPUT_SCRIPT_TYPE: "an input spends a P2WSH output",
  INPUT_DERIVATION_MISSING: "an input says where each of the three holders' keys comes from",
  INPUT_DERIVATION_UNKNOWN: "the keys of an input come from three different holders of the wallet",
  INPUT_DERIVATION_PATH: "the keys of an input are at the account's path, one branch and one index, the same for all",
  INPUT_DERIVATION_BRANCH: "the keys of an input are on branch 0 or 1",
  INPUT_BEYOND_GAP_LIMIT: "the index of an input's keys is below the gap limit",
  INPUT_DERIVATION_KEY: "the keys of an input are those derived at their path",
  INPUT_NOT_OWN: "an input spends the wallet's own script, derived here",
  WITNESS_SCRIPT_MISSING: "an input has its witness script",
  WITNESS_SCRIPT_DIFFERS: "the witness script of an input is the one derived here",
  INPUT_SIGNATURE_FOREIGN: "a signature in an input is by one of its three keys",
  INPUT_SIGNATURE_INVALID: "a signature in an input is valid, with low S and SIGHASH_ALL",

  // Each output, one after the other.
  OUTPUT_FIELD_PROPRIETARY: "an output has no proprietary field",
  OUTPUT_FIELD_UNEXPECTED: "an output has no field besides those of the wallet's own P2WSH output",
  OUTPUT_AMOUNT: "no more than all that can ever exist is paid",
  OUTPUT_SCRIPT_TYPE: "an output has the script of a standard address",
  OUTPUT_DUST: "an output is not dust",
  OUTPUT_CLAIM_INCOMPLETE: "an output that is claimed for the wallet has all three derivations and the witness script",
  OUTPUT_CLAIM_UNKNOWN: "the keys of an output that is claimed for the wallet come from its three holders",
  OUTPUT_CLAIM_PATH: "they are at the account's path, one branch and one index, the same for all",
  OUTPUT_CLAIM_BRANCH: "they are on branch 0 or 1",
  OUTPUT_CLAIM_BEYOND_GAP_LIMIT: "their index is below the gap limit",
  OUTPUT_CLAIM_KEY: "they are those derived at their path",
  OUTPUT_CLAIM_WITNESS_SCRIPT: "the witness script is the one derived here",
  OUTPUT_CLAIM_FOREIGN: "the output's script is the one derived here",

  // The sums.
  INPUT_SUM: "the inputs together are no more than all that can ever exist",
  OUTPUT_SUM: "the outputs together are no more than all that can ever exist",
  FEE_NEGATIVE: "the inputs are worth at least the outputs",

  // The holders' signatures, when they are combined.
  SIGNATURES_TOO_FEW: "two holders sign",
  SIGNATURE_HOLDER_UNKNOWN: "a signature is by a holder of the wallet",
  SIGNATURE_HOLDER_TWICE: "a holder signs once",
  SIGNATURE_OTHER_TRANSACTION: "a signature is for the planned transaction",
  SIGNATURE_INPUTS: "a holder signs every input once",
  SIGNATURE_KEY_FOREIGN: "a signature is by the holder's own key of that input",
  SIGNATURE_MALFORMED: "a signature is in strict DER with one sighash byte",
  SIGNATURE_SIGHASH_TYPE: "a signature has the type SIGHASH_ALL",
  SIGNATURE_HIGH_S: "a signature has its lower S",
  SIGNATURE_INVALID: "a signature is valid for the input's digest",

  // The signed payout, when it is released.
  SIGNED_OTHER_TRANSACTION: "the signed transaction is the planned one, byte for byte",
} as const;

export type ChainRefusalCode = keyof typeof CHAIN_REFUSALS;

/** The detail says where, and what was found; it is for people and holds no secret. */
export type ChainRefusal = { readonly code: ChainRefusalCode; readonly detail: string };

export function refuseChain(code: ChainRefusalCode, where = ""): Result<never, ChainRefusal> {
  return refused({ code, detail: where === "" ? CHAIN_REFUSALS[code] : `${where}: ${CHAIN_REFUSALS[code]}` });
}
