// Changes of the fields that an input has.

import { decodeSpends } from "../../src/bitcoin/decode-inputs.ts";
import { INPUT, PROPRIETARY } from "../../src/bitcoin/psbt-format.ts";
import { writeSignature } from "../../src/bitcoin/signature.ts";
import { concatBytes, u32le } from "../../src/bitcoin/wire.ts";
import { childKey } from "../../src/signing.ts";
import { closeDraft } from "../draft.ts";
import { addField, at, GAP_LIMIT, holders, inputMap, piled, row, type Tampering, wallet } from "./control.ts";

export const INPUT_FIELDS: readonly Tampering[] = [
  piled("INPUT_FINAL_FIELD", "a final witness", (draft) => addField(inputMap(draft), INPUT.FINAL_WITNESS)),
  row("INPUT_FINAL_FIELD", "a final scriptSig", (draft) => addField(inputMap(draft, 1), INPUT.FINAL_SCRIPT_SIG)),
  piled("INPUT_TAPROOT_FIELD", "a taproot key signature", (draft) =>
    addField(inputMap(draft), 0x13, new Uint8Array(64)),
  ),
  row("INPUT_TAPROOT_FIELD", "a taproot internal key", (draft) => addField(inputMap(draft), 0x17, new Uint8Array(32))),
  piled("INPUT_REDEEM_SCRIPT", "a redeem script", (draft) => addField(inputMap(draft), INPUT.REDEEM_SCRIPT)),
  piled("INPUT_FIELD_PROPRIETARY", "a proprietary field", (draft) => addField(inputMap(draft), PROPRIETARY)),
  piled("INPUT_FIELD_UNEXPECTED", "an unknown field", (draft) => addField(inputMap(draft), 0xe0)),
  row("INPUT_FIELD_UNEXPECTED", "version 2's outpoint", (draft) => addField(inputMap(draft), 0x0e, new Uint8Array(32))),
  row("INPUT_SIGNATURE_PRESENT", "an own valid signature", (draft) => {
    const holder = holders[0];
    const { publicKey, tweak } = childKey(wallet, holder.fingerprint, { branch: 0, index: 3 });
    const decoded = decodeSpends(closeDraft(draft), wallet, { gapLimit: GAP_LIMIT });
    if (!decoded.ok) throw new Error(decoded.refusal.code);
    const compact = holder.sign(tweak, at(decoded.value.spends, 0).sighash, { branch: 0, index: 3 });
    addField(inputMap(draft), INPUT.PARTIAL_SIGNATURE, writeSignature(compact), publicKey);
  }),
  piled("INPUT_SIGNATURE_PRESENT", "a signature of nobody", (draft) =>
    addField(
      inputMap(draft),
      INPUT.PARTIAL_SIGNATURE,
      new Uint8Array(70),
      concatBytes(Uint8Array.of(2), new Uint8Array(32)),
    ),
  ),
  ...[0x00, 0x02, 0x03, 0x81, 0x82, 0x101].map((type) =>
    row("INPUT_SIGHASH_TYPE", `sighash type 0x${type.toString(16)}`, (draft) =>
      addField(inputMap(draft), INPUT.SIGHASH_TYPE, u32le(type)),
    ),
  ),
  piled("INPUT_SIGHASH_TYPE", "sighash type 0x83", (draft) =>
    addField(inputMap(draft), INPUT.SIGHASH_TYPE, u32le(0x83)),
  ),
];
