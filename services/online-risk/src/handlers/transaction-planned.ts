// Step 3: vault has built an unsigned transaction that pays these withdrawals.
import type { Sealer } from "@sluice/contracts";
import type { Handler } from "@sluice/messaging";
import { record } from "../facts.ts";

export function transactionPlanned(sealer: Sealer): Handler<"transaction.planned.v1"> {
  return async (tx, { message: { taskId, withdrawals }, occurredAtMs: atMs }) => {
    const reported = withdrawals.map(({ withdrawalId, attempt }) => ({
      withdrawalId,
      fact: { type: "planned", atMs, attempt } as const,
      told: { detail: `planned as task ${taskId}, attempt ${attempt}` },
    }));
    await record(tx, sealer, reported);
  };
}
