// Changes of where an input says its keys come from, and of its scripts.
import { INPUT } from "../../src/bitcoin/psbt-format.ts";
import { concatBytes, sized, u32le } from "../../src/bitcoin/wire.ts";
import { deriveScript, INDEX_LIMIT } from "../../src/index.ts";
import { changePrevious, field, fields, without } from "../draft.ts";
import {
  addField,
  at,
  changeSteps,
  inputMap,
  NO_KEY,
  piled,
  replaceMap,
  row,
  script,
  stranger,
  type Tampering,
  witnessUtxo,
} from "./control.ts";

export const ORIGINS: readonly Tampering[] = [
  row("INPUT_DERIVATION_MISSING", "no derivations", (draft) =>
    replaceMap(draft.inputs, 0, without(inputMap(draft), INPUT.BIP32_DERIVATION)),
  ),
  row("INPUT_DERIVATION_MISSING", "two derivations", (draft) =>
    inputMap(draft).splice(
      inputMap(draft).findIndex(({ type }) => type === INPUT.BIP32_DERIVATION),
      1,
    ),
  ),
  row("INPUT_DERIVATION_MISSING", "a fourth derivation", (draft) => {
    const [foreign] = deriveScript(stranger, 0, 3).derivations;
    addField(inputMap(draft), INPUT.BIP32_DERIVATION, new Uint8Array(28), foreign?.publicKey);
  }),
  row("INPUT_DERIVATION_UNKNOWN", "a fingerprint of nobody", (draft) => {
    const derivation = at(fields(inputMap(draft), INPUT.BIP32_DERIVATION), 1);
    derivation.value = concatBytes(Uint8Array.of(1, 2, 3, 4), derivation.value.subarray(4));
  }),
  row("INPUT_DERIVATION_UNKNOWN", "one holder for two keys", (draft) => {
    const [first, second] = fields(inputMap(draft), INPUT.BIP32_DERIVATION);
    if (first !== undefined && second !== undefined) second.value = first.value;
  }),
  row("INPUT_DERIVATION_PATH", "a path with a step more", (draft) => {
    const derivation = at(fields(inputMap(draft), INPUT.BIP32_DERIVATION), 0);
    derivation.value = concatBytes(derivation.value, u32le(0));
  }),
  row("INPUT_DERIVATION_PATH", "a path of the fingerprint alone", (draft) => {
    const derivation = at(fields(inputMap(draft), INPUT.BIP32_DERIVATION), 0);
    derivation.value = derivation.value.subarray(0, 4);
  }),
  row("INPUT_DERIVATION_PATH", "another account", (draft) =>
    changeSteps(inputMap(draft), INPUT.BIP32_DERIVATION, 4, 0x8000_0001),
  ),
  row("INPUT_DERIVATION_PATH", "another index for one holder", (draft) =>
    changeSteps(inputMap(draft), INPUT.BIP32_DERIVATION, 1, 4, 1),
  ),
  row("INPUT_DERIVATION_BRANCH", "branch 2", (draft) => changeSteps(inputMap(draft), INPUT.BIP32_DERIVATION, 2, 2)),
  row("INPUT_DERIVATION_BRANCH", "a hardened branch", (draft) =>
    changeSteps(inputMap(draft), INPUT.BIP32_DERIVATION, 2, 0x8000_0000),
  ),
  row("INPUT_BEYOND_GAP_LIMIT", "the index at the limit of all indexes", (draft) =>
    changeSteps(inputMap(draft), INPUT.BIP32_DERIVATION, 1, INDEX_LIMIT),
  ),
  row("INPUT_BEYOND_GAP_LIMIT", "a hardened index", (draft) =>
    changeSteps(inputMap(draft), INPUT.BIP32_DERIVATION, 1, 0x8000_0003),
  ),
  row("INPUT_DERIVATION_KEY", "the next index for all holders", (draft) =>
    changeSteps(inputMap(draft), INPUT.BIP32_DERIVATION, 1, 4),
  ),
  row("INPUT_DERIVATION_KEY", "the other branch for all holders", (draft) =>
    changeSteps(inputMap(draft), INPUT.BIP32_DERIVATION, 2, 1),
  ),
  piled("INPUT_DERIVATION_KEY", "a stranger's key under a holder's name", (draft) => {
    const [foreign] = deriveScript(stranger, 0, 3).derivations;
    Object.assign(at(fields(inputMap(draft), INPUT.BIP32_DERIVATION), 2), { keyData: foreign?.publicKey });
  }),
  row("INPUT_NOT_OWN", "a coin of a stranger's 2-of-3", (draft) => {
    const foreign = deriveScript(stranger, 0, 3).scriptPubKey;
    changePrevious(draft, 0, (previous) => Object.assign(at(previous.outputs, 1), { scriptPubKey: foreign }), true);
    field(inputMap(draft), INPUT.WITNESS_UTXO).value = witnessUtxo(600_000n, foreign);
  }),
  row("INPUT_NOT_OWN", "an own coin described as another of the wallet", (draft) => {
    const other = script(0, 4).scriptPubKey;
    changePrevious(draft, 0, (previous) => Object.assign(at(previous.outputs, 1), { scriptPubKey: other }), true);
    field(inputMap(draft), INPUT.WITNESS_UTXO).value = witnessUtxo(600_000n, other);
  }),
  row("WITNESS_SCRIPT_MISSING", "no witness script", (draft) =>
    replaceMap(draft.inputs, 0, without(inputMap(draft), INPUT.WITNESS_SCRIPT)),
  ),
  ...witnessScripts().map(([name, value]) =>
    row("WITNESS_SCRIPT_DIFFERS", name, (draft) =>
      Object.assign(field(inputMap(draft), INPUT.WITNESS_SCRIPT), { value }),
    ),
  ),
  piled("WITNESS_SCRIPT_DIFFERS", "an empty witness script", (draft) =>
    Object.assign(field(inputMap(draft), INPUT.WITNESS_SCRIPT), { value: NO_KEY }),
  ),
];

function witnessScripts(): readonly (readonly [string, Uint8Array])[] {
  const own = script(0, 3).witnessScript;
  const changed = (position: number, byte: number) =>
    Uint8Array.from(own, (value, index) => (index === position ? byte : value));
  const keys = script(0, 3).publicKeys.map((publicKey) => sized(publicKey));
  const foreign = at(deriveScript(stranger, 0, 3).publicKeys, 0);
  return [
    ["1-of-3", changed(0, 0x51)],
    ["2-of-2", concatBytes(Uint8Array.of(0x52), at(keys, 0), at(keys, 1), Uint8Array.of(0x52, 0xae))],
    [
      "keys in another order",
      concatBytes(Uint8Array.of(0x52), at(keys, 1), at(keys, 0), at(keys, 2), Uint8Array.of(0x53, 0xae)),
    ],
    [
      "a stranger's key",
      concatBytes(Uint8Array.of(0x52), at(keys, 0), at(keys, 1), sized(foreign), Uint8Array.of(0x53, 0xae)),
    ],
    ["an operation more", concatBytes(own, Uint8Array.of(0x51))],
  ];
}
