// Step 8: a transaction with two holders' signatures pays these withdrawals.
import type { Sealer } from "@sluice/contracts";
import type { Handler } from "@sluice/messaging";
import { noteOwnTransaction } from "@sluice/risk-memory";
import { record } from "../facts.ts";

export function transactionSigned(sealer: Sealer): Handler<"transaction.signed.v1"> {
  return async (tx, { message: { transactionId, payouts }, occurredAtMs: atMs }) => {
    const reported = payouts.map(({ withdrawalId, attempt }) => ({
      withdrawalId,
      fact: { type: "signed", atMs, attempt } as const,
      told: { transactionId, detail: "signed by two key holders" },
    }));
    for (const { withdrawalId } of payouts) await noteOwnTransaction(tx, withdrawalId, transactionId);
    await record(tx, sealer, reported);
  };
}
