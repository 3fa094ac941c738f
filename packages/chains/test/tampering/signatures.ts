// Changes of the signatures in a PSBT that is said to be signed.

import { sign } from "tiny-secp256k1";
import { decodeSpends } from "../../src/bitcoin/decode-inputs.ts";
import { INPUT } from "../../src/bitcoin/psbt-format.ts";
import { writeSignature } from "../../src/bitcoin/signature.ts";
import { concatBytes } from "../../src/bitcoin/wire.ts";
import { deriveScript } from "../../src/index.ts";
import { childKey } from "../../src/signing.ts";
import { closeDraft, type Draft } from "../draft.ts";
import { highS } from "../holders.ts";
import { addField, at, GAP_LIMIT, holders, inputMap, row, stranger, type Tampering, wallet } from "./control.ts";

export const SIGNATURES: readonly Tampering[] = [
  row("INPUT_SIGNATURE_FOREIGN", "a signature by a stranger's key", (draft) => {
    const [foreign] = deriveScript(stranger, 0, 3).derivations;
    addField(
      inputMap(draft),
      INPUT.PARTIAL_SIGNATURE,
      writeSignature(signatureOf(draft, 0, new Uint8Array(32).fill(5))),
      foreign?.publicKey,
    );
  }),
  row("INPUT_SIGNATURE_FOREIGN", "a signature by a holder's key of another index", (draft) => {
    const { publicKey } = childKey(wallet, holders[0].fingerprint, { branch: 0, index: 4 });
    addField(
      inputMap(draft),
      INPUT.PARTIAL_SIGNATURE,
      writeSignature(signatureOf(draft, 0, new Uint8Array(32).fill(5))),
      publicKey,
    );
  }),
  row("INPUT_SIGNATURE_INVALID", "another key's signature under a holder's key", (draft) =>
    addSignature(draft, (compact) => writeSignature(compact), new Uint8Array(32).fill(5)),
  ),
  row("INPUT_SIGNATURE_INVALID", "a signature with high S", (draft) =>
    addSignature(draft, (compact) => writeSignature(highS(compact))),
  ),
  row("INPUT_SIGNATURE_INVALID", "a signature with another type", (draft) =>
    addSignature(draft, (compact) => concatBytes(writeSignature(compact).subarray(0, -1), Uint8Array.of(3))),
  ),
  row("INPUT_SIGNATURE_INVALID", "a signature cut short", (draft) =>
    addSignature(draft, (compact) => writeSignature(compact).subarray(0, -2)),
  ),
];

function addSignature(draft: Draft, write: (compact: Uint8Array) => Uint8Array, key?: Uint8Array): void {
  const holder = holders[1];
  const position = { branch: 0, index: 3 } as const;
  const { publicKey, tweak } = childKey(wallet, holder.fingerprint, position);
  const decoded = decodeSpends(closeDraft(draft), wallet, { gapLimit: GAP_LIMIT });
  if (!decoded.ok) throw new Error(decoded.refusal.code);
  const digest = at(decoded.value.spends, 0).sighash;
  const compact = key === undefined ? holder.sign(tweak, digest, position) : sign(digest, key);
  addField(inputMap(draft), INPUT.PARTIAL_SIGNATURE, write(compact), publicKey);
}

function signatureOf(draft: Draft, index: number, key: Uint8Array): Uint8Array {
  const decoded = decodeSpends(closeDraft(draft), wallet, { gapLimit: GAP_LIMIT });
  if (!decoded.ok) throw new Error(decoded.refusal.code);
  return sign(at(decoded.value.spends, index).sighash, key);
}
