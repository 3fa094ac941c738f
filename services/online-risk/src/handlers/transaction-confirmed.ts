// Step 11: the transaction is as deep as the asset demands.
import type { Sealer } from "@sluice/contracts";
import type { Handler } from "@sluice/messaging";
import { record } from "../facts.ts";

export function transactionConfirmed(sealer: Sealer): Handler<"transaction.confirmed.v1"> {
  return async (tx, { message, occurredAtMs: atMs }) => {
    const { transactionId, withdrawals, confirmations, revision } = message;
    const reported = withdrawals.map(({ withdrawalId }) => ({
      withdrawalId,
      fact: { type: "completed", atMs, revision } as const,
      told: { transactionId, confirmations, detail: `paid, ${confirmations} confirmations` },
    }));
    await record(tx, sealer, reported);
  };
}
