// The lines to the holders. By the length and head of a journal each side sees that the other was restored from an older copy.
import { fileURLToPath } from "node:url";

export { type HolderStatus, type Holders, openHolders } from "./holders.ts";
export { type JournalWatch, journalCommands, openJournalWatch } from "./journal-watch.ts";
export { type JournalAlarm, type JournalSeen, judgeJournal } from "./judge-journal.ts";

/** Applied under the name of this package, beside the migrations of the service. */
export const JOURNAL_WATCH_MIGRATIONS = {
  set: "journal-watch",
  directory: fileURLToPath(new URL("../migrations", import.meta.url)),
};
