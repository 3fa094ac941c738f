// A holder's memory of what it signed and refused, and the rule that this memory enforces.
export { type Journal, type JournalDisk, openJournal } from "./journal.ts";
export { JournalError, type JournalRecord } from "./journal-record.ts";
export {
  decideSigning,
  type Refused,
  SIGN_ONCE_REFUSALS,
  SignedHistory,
  type SigningIntent,
  type SignOnce,
} from "./sign-once.ts";
