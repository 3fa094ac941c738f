// How large a payout is once it is signed: an upper bound that is known before any signature is made.
import { compactSizeLength } from "./wire.ts";

/** Outpoint 36, empty scriptSig 1, sequence 4. */
const INPUT_BYTES = 41;
/** A low-S signature in DER has at most 71 bytes, with its sighash byte 72. */
export const MAX_SIGNATURE_BYTES = 72;
const WITNESS_SCRIPT_BYTES = 1 + 3 * (1 + 33) + 1 + 1;
/** Item count, the empty first item, two signatures and the witness script, each with its length. */
const INPUT_WITNESS_BYTES = 1 + 1 + 2 * (1 + MAX_SIGNATURE_BYTES) + (1 + WITNESS_SCRIPT_BYTES);
/** Of one input with its part of the witness, in weight units: four make a vbyte. */
export const INPUT_WEIGHT = 4 * INPUT_BYTES + INPUT_WITNESS_BYTES;
/** Nodes neither relay nor mine by default what is heavier (Bitcoin Core, MAX_STANDARD_TX_WEIGHT). */
export const MAX_STANDARD_VBYTES = 100_000;

/**
 * The virtual size in vbytes of a transaction that spends this many inputs of the wallet's 2-of-3 P2WSH and has these
 * output scripts. Exact when both signatures of every input have 72 bytes; each shorter one takes off a quarter.
 */
export function payoutVbytes(inputCount: number, outputScripts: readonly Uint8Array[]): number {
  const outputs = outputScripts.reduce((sum, { length }) => sum + 8 + compactSizeLength(length) + length, 0);
  const base =
    4 +
    compactSizeLength(inputCount) +
    inputCount * INPUT_BYTES +
    compactSizeLength(outputScripts.length) +
    outputs +
    4;
  const witness = 2 + inputCount * INPUT_WITNESS_BYTES;
  return Math.ceil((base * 4 + witness) / 4);
}
