// Changes of the container, with the refusal that each must get.
import { INPUT, OUTPUT, PROPRIETARY } from "../../src/bitcoin/psbt-format.ts";
import { serializeWithWitnesses } from "../../src/bitcoin/transaction.ts";
import { concatBytes, sized, u32le } from "../../src/bitcoin/wire.ts";
import { field, fields } from "../draft.ts";
import { addField, at, input, inputMap, NO_KEY, outputMap, piled, row, type Tampering } from "./control.ts";

export const CONTAINER: readonly Tampering[] = [
  row("PSBT_TOO_LARGE", "a byte over the size limit", (_, bytes) =>
    concatBytes(bytes, new Uint8Array(1024 * 1024 + 1 - bytes.length)),
  ),
  row("PSBT_MAGIC_MISSING", "no bytes", () => NO_KEY),
  row("PSBT_MAGIC_MISSING", "another magic", (_, bytes) => concatBytes(Uint8Array.of(0x71), bytes.subarray(1))),
  row("PSBT_MAGIC_MISSING", "the bare transaction", (draft) => field(draft.globals, 0).value),
  row("PSBT_TRUNCATED", "the last byte missing", (_, bytes) => bytes.subarray(0, -1)),
  row("PSBT_TRUNCATED", "half of it", (_, bytes) => bytes.subarray(0, bytes.length / 2)),
  row("PSBT_TRUNCATED", "an output map missing", (draft) => draft.outputs.pop()),
  row("PSBT_TRUNCATED", "a field type cut short", (_, bytes) => withGlobal(bytes, Uint8Array.of(2, 0xfd, 0x01, 0))),
  row("PSBT_LENGTH_NOT_MINIMAL", "a key length in three bytes", (_, bytes) =>
    concatBytes(bytes.subarray(0, 5), Uint8Array.of(0xfd, 1, 0), bytes.subarray(6)),
  ),
  row("PSBT_LENGTH_NOT_MINIMAL", "a field type in three bytes", (_, bytes) =>
    withGlobal(bytes, Uint8Array.of(3, 0xfd, 0x01, 0x00, 0)),
  ),
  row("PSBT_KEY_DUPLICATE", "the unsigned transaction twice", (draft) =>
    addField(draft.globals, 0, field(draft.globals, 0).value),
  ),
  row("PSBT_KEY_DUPLICATE", "a previous transaction twice", (draft) =>
    addField(inputMap(draft), 0, field(inputMap(draft), 0).value),
  ),
  row("PSBT_KEY_DUPLICATE", "a derivation twice", (draft) =>
    inputMap(draft).push(at(fields(inputMap(draft), INPUT.BIP32_DERIVATION), 0)),
  ),
  row("PSBT_KEY_DUPLICATE", "a change witness script twice", (draft) =>
    addField(outputMap(draft), OUTPUT.WITNESS_SCRIPT),
  ),
  row("PSBT_KEY_MALFORMED", "a byte in the key of a previous transaction", (draft) =>
    addField(inputMap(draft), 0, NO_KEY, Uint8Array.of(1)),
  ),
  row("PSBT_KEY_MALFORMED", "a derivation of a key of 32 bytes", (draft) =>
    addField(inputMap(draft), INPUT.BIP32_DERIVATION, new Uint8Array(4), new Uint8Array(32)),
  ),
  row("PSBT_VALUE_MALFORMED", "a sighash type of one byte", (draft) =>
    addField(inputMap(draft), INPUT.SIGHASH_TYPE, Uint8Array.of(1)),
  ),
  row("PSBT_VALUE_MALFORMED", "a witness UTXO with a byte more", (draft) => {
    const utxo = field(inputMap(draft), INPUT.WITNESS_UTXO);
    utxo.value = concatBytes(utxo.value, Uint8Array.of(0));
  }),
  row("PSBT_VALUE_MALFORMED", "a derivation with half a step", (draft) => {
    const derivation = at(fields(inputMap(draft), INPUT.BIP32_DERIVATION), 0);
    derivation.value = concatBytes(derivation.value, Uint8Array.of(0, 0));
  }),
  row("PSBT_VERSION_UNSUPPORTED", "version 2", (draft) => addField(draft.globals, 0xfb, u32le(2))),
  row("PSBT_TRANSACTION_MISSING", "no unsigned transaction", (draft) => draft.globals.splice(0)),
  row("PSBT_TRANSACTION_MALFORMED", "a byte behind the unsigned transaction", (draft, bytes) => {
    const unsigned = field(draft.globals, 0).value;
    return concatBytes(
      bytes.subarray(0, 7),
      sized(concatBytes(unsigned, Uint8Array.of(0))),
      bytes.subarray(5 + 2 + sized(unsigned).length),
    );
  }),
  row("PSBT_TRANSACTION_MALFORMED", "an unsigned transaction with witnesses", (draft, bytes) => {
    const unsigned = field(draft.globals, 0).value;
    const witnessed = serializeWithWitnesses(
      draft.transaction,
      draft.transaction.inputs.map(() => [Uint8Array.of(1)]),
    );
    return concatBytes(bytes.subarray(0, 7), sized(witnessed), bytes.subarray(5 + 2 + sized(unsigned).length));
  }),
  row("PSBT_TRANSACTION_SIGNED", "a scriptSig", (draft) =>
    Object.assign(input(draft), { scriptSig: Uint8Array.of(0x51) }),
  ),
  row("PSBT_TRAILING_BYTES", "a byte behind the last map", (_, bytes) => concatBytes(bytes, Uint8Array.of(0))),
  row("PSBT_TRAILING_BYTES", "a second PSBT behind it", (_, bytes) => concatBytes(bytes, bytes)),
  piled("GLOBAL_FIELD_PROPRIETARY", "a proprietary global field", (draft) => addField(draft.globals, PROPRIETARY)),
  piled("GLOBAL_FIELD_UNEXPECTED", "an unknown global field", (draft) => addField(draft.globals, 0x77)),
  row("GLOBAL_FIELD_UNEXPECTED", "a global xpub", (draft) =>
    addField(draft.globals, 1, new Uint8Array(4), new Uint8Array(78)),
  ),
  row("GLOBAL_FIELD_UNEXPECTED", "version 2's transaction version", (draft) => addField(draft.globals, 2, u32le(2))),
];

/** Puts the raw bytes of a field in front of the global map. */
function withGlobal(bytes: Uint8Array, field: Uint8Array): Uint8Array {
  return concatBytes(bytes.subarray(0, 5), field, bytes.subarray(5));
}
