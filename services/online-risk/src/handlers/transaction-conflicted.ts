// Step 10: what others have spent of what ours spends. It decides nothing by itself: a person may have to say what it means.
import type { Handler } from "@sluice/messaging";
import { noteConflict } from "@sluice/risk-memory";

export const transactionConflicted: Handler<"transaction.conflicted.v1"> = (tx, opened) => noteConflict(tx, opened);
