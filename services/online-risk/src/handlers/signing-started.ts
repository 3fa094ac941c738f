// Step 4: the semi-offline zone has the task on its own disk.
import type { Sealer } from "@sluice/contracts";
import type { Handler } from "@sluice/messaging";
import { record } from "../facts.ts";

export function signingStarted(sealer: Sealer): Handler<"signing.started.v1"> {
  return async (tx, { message: { taskId, withdrawals }, occurredAtMs: atMs }) => {
    const reported = withdrawals.map(({ withdrawalId, attempt }) => ({
      withdrawalId,
      fact: { type: "signing", atMs, attempt } as const,
      told: { detail: `the semi-offline zone has task ${taskId}, attempt ${attempt}` },
    }));
    await record(tx, sealer, reported);
  };
}
