// Step 9: a node has the transaction.
import type { Sealer } from "@sluice/contracts";
import type { Handler } from "@sluice/messaging";
import { record } from "../facts.ts";

export function transactionBroadcast(sealer: Sealer): Handler<"transaction.broadcast.v1"> {
  return async (tx, { message: { transactionId, withdrawals }, occurredAtMs: atMs }) => {
    const reported = withdrawals.map(({ withdrawalId }) => ({
      withdrawalId,
      fact: { type: "broadcast", atMs } as const,
      told: { transactionId, detail: "sent to the network" },
    }));
    await record(tx, sealer, reported);
  };
}
