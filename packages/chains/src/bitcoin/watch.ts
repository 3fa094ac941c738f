// What a watcher of the chain reads in a raw transaction: its id, what it spends, and what it pays to known scripts.
import { outpointOf, parseTransaction } from "./transaction.ts";
import { toHex } from "./wire.ts";

export type DecodedTransaction = {
  readonly txid: string;
  readonly inputs: readonly { readonly txid: string; readonly vout: number; readonly outpoint: string }[];
  readonly outputs: readonly { readonly vout: number; readonly scriptPubKey: Uint8Array; readonly amountSat: bigint }[];
};

/** Thrown for bytes that are no transaction: an operating failure of whoever delivered them. */
export class TransactionMalformedError extends Error {
  readonly code = "TRANSACTION_MALFORMED";
}

/** Reads a raw transaction, with or without witnesses. The id is computed here, not taken from whoever delivered it. */
export function decodeTransaction(bytes: Uint8Array): DecodedTransaction {
  const parsed = parseTransaction(new Uint8Array(bytes), "either");
  if (!parsed.ok) throw new TransactionMalformedError(`these bytes are no transaction: ${parsed.refusal.code}`);
  const { txid, inputs, outputs } = parsed.value;
  return {
    txid,
    inputs: inputs.map((input) => ({ txid: input.txid, vout: input.vout, outpoint: outpointOf(input) })),
    outputs: outputs.map(({ amountSat, scriptPubKey }, vout) => ({ vout, scriptPubKey, amountSat })),
  };
}

export type MatchedOutput<T> = {
  readonly txid: string;
  readonly vout: number;
  readonly amountSat: bigint;
  readonly scriptPubKey: Uint8Array;
  readonly match: T;
};

/** The outputs whose script, in lower-case hex, is a key of the map, each with the map's value. */
export function matchOutputs<T>(bytes: Uint8Array, scripts: ReadonlyMap<string, T>): readonly MatchedOutput<T>[] {
  const { txid, outputs } = decodeTransaction(bytes);
  return outputs.flatMap((output) => {
    const match = scripts.get(toHex(output.scriptPubKey));
    return match === undefined ? [] : [{ ...output, txid, match }];
  });
}
