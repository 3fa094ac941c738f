// One handler for each message that this service reads.
import type { Sealer } from "@sluice/contracts";
import type { ApiKeys } from "@sluice/gate";
import { accountSignalled } from "@sluice/signal-memory";
import { feeEstimated } from "./fee-estimated.ts";
import { riskReported } from "./risk-reported.ts";
import { signingStarted } from "./signing-started.ts";
import { transactionBroadcast } from "./transaction-broadcast.ts";
import { transactionConfirmed } from "./transaction-confirmed.ts";
import { transactionConflicted } from "./transaction-conflicted.ts";
import { transactionIncluded } from "./transaction-included.ts";
import { transactionPlanned } from "./transaction-planned.ts";
import { transactionReorged } from "./transaction-reorged.ts";
import { transactionSigned } from "./transaction-signed.ts";
import { zoneReported } from "./zone-reported.ts";

export function createHandlers(sealer: Sealer, apiKeys: ApiKeys, now: () => number) {
  return {
    "transaction.planned.v1": transactionPlanned(sealer),
    "signing.started.v1": signingStarted(sealer),
    "risk.reported.v1": riskReported(sealer, now),
    "zone.reported.v1": zoneReported(now),
    "transaction.signed.v1": transactionSigned(sealer),
    "transaction.broadcast.v1": transactionBroadcast(sealer),
    "transaction.included.v1": transactionIncluded(sealer),
    "transaction.reorged.v1": transactionReorged(sealer),
    "transaction.confirmed.v1": transactionConfirmed(sealer),
    "transaction.conflicted.v1": transactionConflicted,
    "fee.estimated.v1": feeEstimated,
    "account.signalled.v1": accountSignalled(apiKeys, now),
  };
}
