// All tamperings in the order of the checks, and the bytes that they make of the control.
import { closeDraft, openDraft } from "../draft.ts";
import { CONTAINER } from "./container.ts";
import { control, type Tampering } from "./control.ts";
import { INPUT_FIELDS } from "./input-fields.ts";
import { ORIGINS } from "./origins.ts";
import { OUTPUTS } from "./outputs.ts";
import { PREVIOUS } from "./previous.ts";
import { TRANSACTION } from "./transaction.ts";

export { coins, control, GAP_LIMIT, holders, payments, stranger, type Tampering, wallet } from "./control.ts";
export { SIGNATURES as SIGNATURE_TAMPERINGS } from "./signatures.ts";

export const TAMPERINGS: readonly Tampering[] = [
  ...CONTAINER,
  ...TRANSACTION,
  ...INPUT_FIELDS,
  ...PREVIOUS,
  ...ORIGINS,
  ...OUTPUTS,
];

/** The bytes of the control after one or more changes. */
export function tampered(...tamperings: readonly Tampering[]): Uint8Array {
  const draft = openDraft(control);
  for (const { change } of tamperings) {
    const changed = change(draft, control);
    if (changed instanceof Uint8Array) return changed;
  }
  return closeDraft(draft);
}
