// The digest that a signature of a version 0 witness input commits to, for SIGHASH_ALL only (BIP143).
import { hash256 } from "./hashing.ts";
import { type ParsedTransaction, serializeOutpoint, serializeOutput } from "./transaction.ts";
import { concatBytes, sized, u32le, u64le } from "./wire.ts";

export const SIGHASH_ALL = 1;

export type Spent = { readonly amountSat: bigint; readonly scriptCode: Uint8Array };

/**
 * Returns the digest of any input of one transaction. The three hashes over all inputs and outputs are made once, which
 * keeps the work linear in the number of inputs. The amount must come from the previous transaction: the digest commits
 * to this input's amount alone.
 */
export function segwitDigests(transaction: ParsedTransaction): (inputIndex: number, spent: Spent) => Uint8Array {
  const outpoints = transaction.inputs.map(serializeOutpoint);
  const prevouts = hash256(concatBytes(...outpoints));
  const sequences = hash256(concatBytes(...transaction.inputs.map(({ sequence }) => u32le(sequence))));
  const outputs = hash256(concatBytes(...transaction.outputs.map(serializeOutput)));
  return (inputIndex, { amountSat, scriptCode }) => {
    const input = transaction.inputs[inputIndex];
    const outpoint = outpoints[inputIndex];
    if (input === undefined || outpoint === undefined) throw new Error(`the transaction has no input ${inputIndex}`);
    return hash256(
      concatBytes(
        u32le(transaction.version),
        prevouts,
        sequences,
        outpoint,
        sized(scriptCode),
        u64le(amountSat),
        u32le(input.sequence),
        outputs,
        u32le(transaction.locktime),
        u32le(SIGHASH_ALL),
      ),
    );
  };
}
