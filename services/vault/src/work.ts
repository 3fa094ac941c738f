// The word by which the planners and submitters of all instances hear that there is something to do.
import type { Queryable } from "@sluice/postgres";

export const WORK_CHANNEL = "vault_work";

/** What changes without a word, as time passing does, is found at the latest after this. */
export const LOOK_EVERY_MS = 500;

/** Wakes every instance once, if the transaction commits. */
export async function tellOfWork(tx: Queryable): Promise<void> {
  await tx.query("select pg_notify($1, '')", [WORK_CHANNEL]);
}
