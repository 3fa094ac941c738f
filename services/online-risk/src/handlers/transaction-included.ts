// Step 10: the transaction is in a block, or one block deeper.
import type { Sealer } from "@sluice/contracts";
import type { Handler } from "@sluice/messaging";
import { record } from "../facts.ts";

export function transactionIncluded(sealer: Sealer): Handler<"transaction.included.v1"> {
  return async (tx, { message, occurredAtMs: atMs }) => {
    const { transactionId, height, confirmations, requiredConfirmations, revision } = message;
    const detail = `in block ${height}, ${confirmations} of ${requiredConfirmations} confirmations`;
    const reported = message.withdrawals.map(({ withdrawalId }) => ({
      withdrawalId,
      fact: { type: "included", atMs, revision } as const,
      told: { transactionId, confirmations, requiredConfirmations, detail },
    }));
    await record(tx, sealer, reported);
  };
}
