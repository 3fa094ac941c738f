// Why an update is refused, in the order in which it is checked, and why the store itself cannot answer.

export const LABEL_REFUSALS = {
  LABELS_UNREADABLE: "the file can be read",
  LABELS_MALFORMED: "an update begins with one page: a line of seals and a line of content, each JSON in its one form",
  LABELS_SIGNER_UNKNOWN: "every seal is one of a signer who is pinned here",
  LABELS_SEAL_WRONG: "every seal is over this exact content",
  LABELS_SIGNERS_TOO_FEW: "enough different signers have sealed it",
  LABELS_FROM_FUTURE: "it was not made later than now",
  LABELS_KNOWN: "it is not in force already",
  LABELS_VERSION_LOWER: "its version is above the one in force",
  LABELS_VERSION_GAP: "a delta is the next version; only a snapshot may be the first, or skip some",
  LABELS_PREVIOUS_OTHER: "it names the hash of the one in force",
  LABELS_TORN: "the file has all of its bytes and no more",
  LABELS_BODY_OTHER: "the bytes behind the content are those that it names",
  LABELS_BODY_INVALID: "blocks, order, index and names are as they have to be",
  LABELS_STORE_IN_USE: "nobody else has changed the store meanwhile",
  LABELS_STORE_EMPTY: "a snapshot was ever installed here",
  LABELS_STORE_DAMAGED: "the store's own files are whole",
  LABELS_BLOCK_DAMAGED: "the block that was read is the one that was written",
} as const;

export type LabelRefusalCode = keyof typeof LABEL_REFUSALS;

export type LabelRefusal = { readonly code: LabelRefusalCode; readonly detail: string };

export function refuseLabels(code: LabelRefusalCode, detail = ""): { ok: false; refusal: LabelRefusal } {
  const demanded = LABEL_REFUSALS[code];
  return { ok: false, refusal: { code, detail: detail === "" ? demanded : `${demanded}: ${detail}` } };
}

/** Inside a run of reads; whoever called the run gets the refusal as a value. */
export class LabelsBroken extends Error {
  override readonly name = "LabelsBroken";
  readonly code: LabelRefusalCode;

  constructor(code: LabelRefusalCode, detail: string) {
    super(`${LABEL_REFUSALS[code]}: ${detail}`);
    this.code = code;
  }
}
