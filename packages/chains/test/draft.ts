// A payout's PSBT taken apart so that a test can change one thing in it and put it together again.
import { fieldOf, type PsbtField, parsePsbt, serializePsbt } from "../src/bitcoin/psbt-format.ts";
import {
  parseTransaction,
  serializeTransaction,
  type TransactionInput,
  type TransactionOutput,
} from "../src/bitcoin/transaction.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type DraftField = Mutable<PsbtField>;

export type Draft = {
  readonly transaction: {
    version: number;
    locktime: number;
    inputs: Mutable<TransactionInput>[];
    outputs: Mutable<TransactionOutput>[];
  };
  globals: DraftField[];
  inputs: DraftField[][];
  outputs: DraftField[][];
};

export type DraftPrevious = Draft["transaction"];

export function openDraft(psbt: Uint8Array): Draft {
  const parsed = parsePsbt(psbt);
  if (!parsed.ok) throw new Error(parsed.refusal.code);
  const { globals, inputs, outputs, transaction } = parsed.value;
  return {
    transaction: openTransaction(transaction),
    globals: globals.map((field) => ({ ...field })),
    inputs: inputs.map((map) => map.map((field) => ({ ...field }))),
    outputs: outputs.map((map) => map.map((field) => ({ ...field }))),
  };
}

/** Writes the parts back; the unsigned transaction is written anew from its own. */
export function closeDraft(draft: Draft): Uint8Array {
  const unsigned = draft.globals.find(({ type }) => type === 0);
  if (unsigned !== undefined) unsigned.value = serializeTransaction(draft.transaction);
  return serializePsbt(draft);
}

/** The field of a map that has no more to its key than its type. */
export function field(map: DraftField[] | undefined, type: number): DraftField {
  const found = map?.find((candidate) => candidate.type === type && candidate.keyData.length === 0);
  if (found === undefined) throw new Error(`there is no field ${type} to change`);
  return found;
}

export function fields(map: DraftField[] | undefined, type: number): DraftField[] {
  return (map ?? []).filter((candidate) => candidate.type === type);
}

export function without(map: DraftField[] | undefined, type: number): DraftField[] {
  return (map ?? []).filter((candidate) => candidate.type !== type);
}

/** Changes the previous transaction of an input; with follow, the input names the changed one. */
export function changePrevious(
  draft: Draft,
  at: number,
  change: (previous: DraftPrevious) => void,
  follow: boolean,
): void {
  const previousField = field(draft.inputs[at], 0);
  const parsed = parseTransaction(fieldOf(draft.inputs[at] ?? [], 0) ?? new Uint8Array(), "either");
  if (!parsed.ok) throw new Error(parsed.refusal.code);
  const previous = openTransaction(parsed.value);
  change(previous);
  previousField.value = serializeTransaction(previous);
  const changed = parseTransaction(previousField.value, "either");
  const input = draft.transaction.inputs[at];
  if (follow && changed.ok && input !== undefined) input.txid = changed.value.txid;
}

function openTransaction(transaction: {
  readonly version: number;
  readonly locktime: number;
  readonly inputs: readonly TransactionInput[];
  readonly outputs: readonly TransactionOutput[];
}): DraftPrevious {
  return {
    version: transaction.version,
    locktime: transaction.locktime,
    inputs: transaction.inputs.map((input) => ({ ...input })),
    outputs: transaction.outputs.map((output) => ({ ...output })),
  };
}
