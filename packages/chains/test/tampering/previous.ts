// Changes of what an input says it is worth.
import { INPUT } from "../../src/bitcoin/psbt-format.ts";
import { standardScript } from "../../src/bitcoin/script.ts";
import { parseTransaction, serializeWithWitnesses } from "../../src/bitcoin/transaction.ts";
import { concatBytes } from "../../src/bitcoin/wire.ts";
import { changePrevious, field, without } from "../draft.ts";
import { at, input, inputMap, piled, replaceMap, row, SUPPLY, script, type Tampering, witnessUtxo } from "./control.ts";

export const PREVIOUS: readonly Tampering[] = [
  row("PREVIOUS_TRANSACTION_MISSING", "only a witness UTXO", (draft) =>
    replaceMap(draft.inputs, 0, without(inputMap(draft), INPUT.PREVIOUS_TRANSACTION)),
  ),
  row("PREVIOUS_TRANSACTION_MALFORMED", "a previous transaction cut short", (draft) => {
    const previous = field(inputMap(draft), 0);
    previous.value = previous.value.subarray(0, -1);
  }),
  row("PREVIOUS_TRANSACTION_MALFORMED", "a byte behind the previous transaction", (draft) => {
    const previous = field(inputMap(draft), 0);
    previous.value = concatBytes(previous.value, Uint8Array.of(0));
  }),
  row("PREVIOUS_TRANSACTION_WITNESS", "a previous transaction with witnesses", (draft) => {
    const previous = field(inputMap(draft), 0);
    const parsed = parseTransaction(previous.value, "either");
    if (parsed.ok) previous.value = serializeWithWitnesses(parsed.value, [[Uint8Array.of(1)]]);
  }),
  row("PREVIOUS_TRANSACTION_ID", "a previous transaction that pays more", (draft) =>
    changePrevious(draft, 0, (previous) => Object.assign(at(previous.outputs, 1), { amountSat: 700_000n }), false),
  ),
  row("PREVIOUS_TRANSACTION_ID", "the other input's previous transaction", (draft) => {
    field(inputMap(draft), 0).value = field(inputMap(draft, 1), 0).value;
  }),
  row("PREVIOUS_TRANSACTION_ID", "an input that names another transaction", (draft) =>
    Object.assign(input(draft), { txid: "11".repeat(32) }),
  ),
  row("PREVIOUS_OUTPUT_MISSING", "an output number that does not exist", (draft) =>
    Object.assign(input(draft), { vout: 2 }),
  ),
  row("PREVIOUS_OUTPUT_MISSING", "the largest output number", (draft) =>
    Object.assign(input(draft), { vout: 0xffff_ffff }),
  ),
  row("INPUT_AMOUNT", "a previous output over the supply", (draft) =>
    changePrevious(draft, 0, (previous) => Object.assign(at(previous.outputs, 1), { amountSat: SUPPLY + 1n }), true),
  ),
  row("INPUT_AMOUNT", "a previous output of 2^64 - 1", (draft) =>
    changePrevious(draft, 0, (previous) => Object.assign(at(previous.outputs, 1), { amountSat: 2n ** 64n - 1n }), true),
  ),
  row("WITNESS_UTXO_AMOUNT", "a claimed amount one more", (draft) => {
    field(inputMap(draft), INPUT.WITNESS_UTXO).value = witnessUtxo(600_001n, script(0, 3).scriptPubKey);
  }),
  row("WITNESS_UTXO_AMOUNT", "a claimed amount one less", (draft) => {
    field(inputMap(draft, 1), INPUT.WITNESS_UTXO).value = witnessUtxo(399_999n, script(1, 7).scriptPubKey);
  }),
  row("WITNESS_UTXO_AMOUNT", "the output beside it", (draft) => Object.assign(input(draft), { vout: 0 })),
  piled("WITNESS_UTXO_SCRIPT", "a claimed script of the wallet elsewhere", (draft) => {
    field(inputMap(draft), INPUT.WITNESS_UTXO).value = witnessUtxo(600_000n, script(0, 4).scriptPubKey);
  }),
  row("INPUT_SCRIPT_TYPE", "a P2WPKH output", (draft) => {
    const foreign = standardScript("p2wpkh", new Uint8Array(20));
    changePrevious(draft, 0, (previous) => Object.assign(at(previous.outputs, 1), { scriptPubKey: foreign }), true);
    field(inputMap(draft), INPUT.WITNESS_UTXO).value = witnessUtxo(600_000n, foreign);
  }),
];
