// Was a holder's journal, or our own database, restored from an older copy? Pure.

export type JournalSeen = { readonly records: bigint; readonly head: string };

export type JournalAlarm = {
  readonly code: "HOLDER_ROLLED_BACK" | "ZONE_ROLLED_BACK";
  readonly detail: string;
};

/**
 * `seen` is what was stored when the holder last spoke; null when it never did. `ordered` is how many orders to it are on
 * record here, and each order makes one record at most: a journal that is longer remembers orders that we have forgotten.
 */
export function judgeJournal(
  seen: JournalSeen | null,
  reported: JournalSeen,
  ordered: bigint,
  accepted: bigint,
): JournalAlarm | null {
  if (seen !== null && reported.records < seen.records) {
    const detail = `its journal has ${reported.records} records and had ${seen.records}`;
    return { code: "HOLDER_ROLLED_BACK", detail };
  }
  if (seen !== null && reported.records === seen.records && reported.head !== seen.head) {
    return { code: "HOLDER_ROLLED_BACK", detail: `its journal has another record ${seen.records} than before` };
  }
  if (reported.records > ordered + accepted) {
    const explained = `${ordered + accepted} are explained by orders on record here`;
    return { code: "ZONE_ROLLED_BACK", detail: `its journal has ${reported.records} records, of which ${explained}` };
  }
  return null;
}
