// Changes of the outputs and of what they claim, and of the sums.
import { INPUT, OUTPUT, PROPRIETARY } from "../../src/bitcoin/psbt-format.ts";
import { concatBytes, fromHex } from "../../src/bitcoin/wire.ts";
import { deriveScript, INDEX_LIMIT } from "../../src/index.ts";
import { changePrevious, type Draft, field, fields, without } from "../draft.ts";
import {
  addField,
  at,
  changeSteps,
  inputMap,
  NO_KEY,
  output,
  outputMap,
  piled,
  replaceMap,
  row,
  SUPPLY,
  script,
  stranger,
  type Tampering,
  witnessUtxo,
} from "./control.ts";

export const OUTPUTS: readonly Tampering[] = [
  piled("OUTPUT_FIELD_PROPRIETARY", "a proprietary field", (draft) => addField(outputMap(draft), PROPRIETARY)),
  piled("OUTPUT_FIELD_UNEXPECTED", "an unknown field", (draft) => addField(outputMap(draft), 0xe0)),
  row("OUTPUT_FIELD_UNEXPECTED", "a redeem script", (draft) => addField(outputMap(draft, 0), OUTPUT.REDEEM_SCRIPT)),
  row("OUTPUT_FIELD_UNEXPECTED", "a taproot internal key", (draft) =>
    addField(outputMap(draft, 1), 0x05, new Uint8Array(32)),
  ),
  row("OUTPUT_AMOUNT", "a payment over the supply", (draft) =>
    Object.assign(output(draft), { amountSat: SUPPLY + 1n }),
  ),
  row("OUTPUT_AMOUNT", "change of 2^64 - 1", (draft) => Object.assign(output(draft, 2), { amountSat: 2n ** 64n - 1n })),
  row("OUTPUT_SCRIPT_TYPE", "OP_RETURN", (draft) =>
    Object.assign(output(draft), { scriptPubKey: fromHex("6a0568656c6c6f") }),
  ),
  row("OUTPUT_SCRIPT_TYPE", "an empty script", (draft) => Object.assign(output(draft), { scriptPubKey: NO_KEY })),
  row("OUTPUT_SCRIPT_TYPE", "a bare public key", (draft) =>
    Object.assign(output(draft), {
      scriptPubKey: concatBytes(Uint8Array.of(33), at(script(0, 0).publicKeys, 0), Uint8Array.of(0xac)),
    }),
  ),
  row("OUTPUT_SCRIPT_TYPE", "a witness version without rules", (draft) =>
    Object.assign(output(draft), { scriptPubKey: concatBytes(Uint8Array.of(0x52, 32), new Uint8Array(32)) }),
  ),
  row("OUTPUT_DUST", "a payment of dust", (draft) => Object.assign(output(draft), { amountSat: 293n })),
  piled("OUTPUT_DUST", "change of dust", (draft) => Object.assign(output(draft, 2), { amountSat: 329n })),
  row("OUTPUT_DUST", "a payment of nothing", (draft) => Object.assign(output(draft, 1), { amountSat: 0n })),
  row("OUTPUT_CLAIM_INCOMPLETE", "change without derivations", (draft) =>
    replaceMap(draft.outputs, 2, without(outputMap(draft), OUTPUT.BIP32_DERIVATION)),
  ),
  row("OUTPUT_CLAIM_INCOMPLETE", "change without its witness script", (draft) =>
    replaceMap(draft.outputs, 2, without(outputMap(draft), OUTPUT.WITNESS_SCRIPT)),
  ),
  row("OUTPUT_CLAIM_INCOMPLETE", "change with two derivations", (draft) => outputMap(draft).pop()),
  row("OUTPUT_CLAIM_UNKNOWN", "change with a fingerprint of nobody", (draft) => {
    const derivation = at(fields(outputMap(draft), OUTPUT.BIP32_DERIVATION), 0);
    derivation.value = concatBytes(Uint8Array.of(9, 9, 9, 9), derivation.value.subarray(4));
  }),
  row("OUTPUT_CLAIM_PATH", "change in another account", (draft) =>
    changeSteps(outputMap(draft), OUTPUT.BIP32_DERIVATION, 3, 0x8000_0003),
  ),
  row("OUTPUT_CLAIM_PATH", "change with another index for one holder", (draft) =>
    changeSteps(outputMap(draft), OUTPUT.BIP32_DERIVATION, 1, 9, 2),
  ),
  row("OUTPUT_CLAIM_BRANCH", "change on branch 2", (draft) =>
    changeSteps(outputMap(draft), OUTPUT.BIP32_DERIVATION, 2, 2),
  ),
  row("OUTPUT_CLAIM_BEYOND_GAP_LIMIT", "change at the limit of all indexes", (draft) =>
    changeSteps(outputMap(draft), OUTPUT.BIP32_DERIVATION, 1, INDEX_LIMIT),
  ),
  row("OUTPUT_CLAIM_BEYOND_GAP_LIMIT", "change that lies there, with keys that are right", (draft) =>
    claimChange(draft, INDEX_LIMIT),
  ),
  row("OUTPUT_CLAIM_KEY", "change described by the wrong index", (draft) =>
    changeSteps(outputMap(draft), OUTPUT.BIP32_DERIVATION, 1, 9),
  ),
  row("OUTPUT_CLAIM_KEY", "change described on the receiving branch", (draft) =>
    changeSteps(outputMap(draft), OUTPUT.BIP32_DERIVATION, 2, 0),
  ),
  piled("OUTPUT_CLAIM_WITNESS_SCRIPT", "change with the witness script of another index", (draft) => {
    field(outputMap(draft), OUTPUT.WITNESS_SCRIPT).value = script(1, 9).witnessScript;
  }),
  piled("OUTPUT_CLAIM_FOREIGN", "change to a stranger, described as own", (draft) =>
    Object.assign(output(draft, 2), { scriptPubKey: deriveScript(stranger, 1, 8).scriptPubKey }),
  ),
  row("OUTPUT_CLAIM_FOREIGN", "change to another index than it says", (draft) =>
    Object.assign(output(draft, 2), { scriptPubKey: script(1, 9).scriptPubKey }),
  ),
  row("OUTPUT_CLAIM_FOREIGN", "a payment described as own", (draft) =>
    replaceMap(draft.outputs, 0, [...outputMap(draft)]),
  ),
  row("INPUT_SUM", "inputs over the supply together", (draft) => {
    for (const index of [0, 1]) {
      changePrevious(draft, index, (previous) => Object.assign(at(previous.outputs, 1), { amountSat: SUPPLY }), true);
      field(inputMap(draft, index), INPUT.WITNESS_UTXO).value = witnessUtxo(
        SUPPLY,
        script(index === 0 ? 0 : 1, index === 0 ? 3 : 7).scriptPubKey,
      );
    }
  }),
  row("OUTPUT_SUM", "outputs over the supply together", (draft) => {
    Object.assign(output(draft), { amountSat: SUPPLY });
    Object.assign(output(draft, 1), { amountSat: SUPPLY });
  }),
  piled("FEE_NEGATIVE", "a payment above the inputs", (draft) =>
    Object.assign(output(draft), { amountSat: 1_000_000n }),
  ),
  row("FEE_NEGATIVE", "outputs one satoshi above the inputs", (draft) => {
    const others = output(draft, 1).amountSat + output(draft, 2).amountSat;
    Object.assign(output(draft), { amountSat: 1_000_000n - others + 1n });
  }),
];

/** Describes the change output by another index of its branch, truthfully. */
function claimChange(draft: Draft, index: number): void {
  const { scriptPubKey, witnessScript, derivations } = script(1, index);
  Object.assign(output(draft, 2), { scriptPubKey });
  field(outputMap(draft), OUTPUT.WITNESS_SCRIPT).value = witnessScript;
  changeSteps(outputMap(draft), OUTPUT.BIP32_DERIVATION, 1, index);
  const byFingerprint = new Map(derivations.map(({ fingerprint, publicKey }) => [fingerprint, publicKey]));
  for (const derivation of fields(outputMap(draft), OUTPUT.BIP32_DERIVATION)) {
    const fingerprint = Buffer.from(derivation.value.subarray(0, 4)).toString("hex");
    Object.assign(derivation, { keyData: byFingerprint.get(fingerprint) });
  }
}
