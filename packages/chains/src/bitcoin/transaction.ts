// A Bitcoin transaction read strictly from bytes, and written back (BIP144).
import { ok, type Result, refused } from "@sluice/core";
import { hash256 } from "./hashing.ts";
import { compactSize, concatBytes, fromHex, reversedHex, sized, u32le, u64le, WireReader } from "./wire.ts";

export type TransactionInput = {
  readonly txid: string;
  readonly vout: number;
  readonly scriptSig: Uint8Array;
  readonly sequence: number;
};
export type TransactionOutput = { readonly amountSat: bigint; readonly scriptPubKey: Uint8Array };

export type ParsedTransaction = {
  readonly txid: string;
  readonly version: number;
  readonly inputs: readonly TransactionInput[];
  readonly outputs: readonly TransactionOutput[];
  readonly locktime: number;
  /** One stack for each input; null when the bytes have the form without witnesses. */
  readonly witnesses: readonly (readonly Uint8Array[])[] | null;
};

export type TransactionFault = "TRUNCATED" | "NON_MINIMAL" | "TRAILING_BYTES" | "WITNESS_MALFORMED";

/** What one reads as a witness marker is, in the form without witnesses, a count of zero inputs (BIP174, creator). */
export type TransactionForm = "either" | "without-witness";

export function parseTransaction(
  bytes: Uint8Array,
  form: TransactionForm,
): Result<ParsedTransaction, { readonly code: TransactionFault }> {
  const reader = new WireReader(bytes);
  const read = readTransaction(reader, form);
  return read.ok && reader.remaining > 0 ? refused({ code: "TRAILING_BYTES" }) : read;
}

/** The transaction at which the reader stands; others may follow, as in a block. */
export function readTransaction(
  reader: WireReader,
  form: TransactionForm,
): Result<ParsedTransaction, { readonly code: TransactionFault }> {
  const begin = reader.offset;
  const version = reader.u32();
  const marked = form === "either" && reader.peek() === 0;
  const marker = marked ? reader.take(2) : null;
  if (reader.fault === null && marker !== null && marker[1] !== 1) return refused({ code: "WITNESS_MALFORMED" });
  const body = reader.offset;
  const inputs = readList(reader, readInput);
  const outputs = readList(reader, readOutput);
  const bodyEnd = reader.offset;
  const witnesses = marked ? inputs.map(() => readList(reader, (stack) => stack.sized())) : null;
  const locktime = reader.u32();
  if (reader.fault !== null) return refused({ code: reader.fault });
  // BIP144: witnesses that are all empty must not be written at all, or one transaction would have two forms.
  if (witnesses?.every((stack) => stack.length === 0)) return refused({ code: "WITNESS_MALFORMED" });
  // The id is of the very bytes that were read, but for the marker and the witnesses.
  const end = reader.offset;
  const spans = [reader.between(begin, begin + 4), reader.between(body, bodyEnd), reader.between(end - 4, end)];
  return ok({ version, inputs, outputs, locktime, txid: reversedHex(hash256(concatBytes(...spans))), witnesses });
}

export type TransactionParts = Omit<ParsedTransaction, "txid" | "witnesses">;

/** The bytes without witnesses: those that the transaction's id commits to. */
export function serializeTransaction({ version, inputs, outputs, locktime }: TransactionParts): Uint8Array {
  return concatBytes(u32le(version), ...serializeBody({ inputs, outputs }), u32le(locktime));
}

/** The bytes with one witness stack for each input. */
export function serializeWithWitnesses(
  { version, inputs, outputs, locktime }: TransactionParts,
  witnesses: readonly (readonly Uint8Array[])[],
): Uint8Array {
  const stacks = witnesses.map((stack) => concatBytes(compactSize(stack.length), ...stack.map(sized)));
  const marker = Uint8Array.of(0, 1);
  return concatBytes(u32le(version), marker, ...serializeBody({ inputs, outputs }), ...stacks, u32le(locktime));
}

export function serializeOutput({ amountSat, scriptPubKey }: TransactionOutput): Uint8Array {
  return concatBytes(u64le(amountSat), sized(scriptPubKey));
}

/** An outpoint as it is hashed and sent: the id in its internal order, then the output's number. */
export function serializeOutpoint({ txid, vout }: Pick<TransactionInput, "txid" | "vout">): Uint8Array {
  return concatBytes(fromHex(txid).toReversed(), u32le(vout));
}

/** An outpoint as people and tables write it. */
export function outpointOf({ txid, vout }: { readonly txid: string; readonly vout: number }): string {
  return `${txid}:${vout}`;
}

function serializeBody({ inputs, outputs }: Pick<TransactionParts, "inputs" | "outputs">): readonly Uint8Array[] {
  const spends = inputs.map((input) =>
    concatBytes(serializeOutpoint(input), sized(input.scriptSig), u32le(input.sequence)),
  );
  return [compactSize(inputs.length), ...spends, compactSize(outputs.length), ...outputs.map(serializeOutput)];
}

/** The count is a claim: reading stops at the first fault, so that a false one costs no more than the bytes there are. */
function readList<T>(reader: WireReader, readOne: (reader: WireReader) => T): readonly T[] {
  const count = reader.compactSize();
  const items: T[] = [];
  while (items.length < count && reader.fault === null) items.push(readOne(reader));
  return items;
}

function readInput(reader: WireReader): TransactionInput {
  return {
    txid: reversedHex(reader.take(32)),
    vout: reader.u32(),
    scriptSig: reader.sized(),
    sequence: reader.u32(),
  };
}

function readOutput(reader: WireReader): TransactionOutput {
  return { amountSat: reader.u64(), scriptPubKey: reader.sized() };
}
