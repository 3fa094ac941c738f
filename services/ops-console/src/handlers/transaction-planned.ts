// Keeps which wallet a transaction pays from: online-risk, who tells of withdrawals, does not know it.
import type { Handler } from "@sluice/messaging";
import { keepPayer } from "../store.ts";

export const handleTransactionPlanned: Handler<"transaction.planned.v1"> = (tx, { message }) =>
  keepPayer(tx, message.transactionId, message.walletId);
