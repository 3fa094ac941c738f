// One writer per journal: a lock that the kernel frees with the process that held it, however that process ended.
import { DatabaseSync } from "node:sqlite";
import { JournalError } from "./journal-record.ts";

export type JournalLock = { readonly release: () => void };

/**
 * Node offers no file lock of its own, but its SQLite takes the kernel's (fcntl) on an empty database: nothing is ever
 * stored in it, and nothing stale can be left behind as a file with a process id would.
 * @throws JournalError JOURNAL_LOCKED when another process holds it
 */
export function lockJournal(path: string): JournalLock {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("pragma locking_mode = exclusive; begin exclusive");
  } catch (cause) {
    database.close();
    throw new JournalError("JOURNAL_LOCKED", `another process has the journal's lock ${path}`, { cause });
  }
  return { release: () => database.close() };
}
