// Step 10: the block that held the transaction is no longer part of the chain.
import type { Sealer } from "@sluice/contracts";
import type { Handler } from "@sluice/messaging";
import { record } from "../facts.ts";

export function transactionReorged(sealer: Sealer): Handler<"transaction.reorged.v1"> {
  return async (tx, { message: { transactionId, withdrawals, height, revision }, occurredAtMs: atMs }) => {
    const reported = withdrawals.map(({ withdrawalId }) => ({
      withdrawalId,
      fact: { type: "reorged", atMs, revision } as const,
      told: { transactionId, confirmations: 0, detail: `block ${height} was taken back` },
    }));
    await record(tx, sealer, reported);
  };
}
