// Each change of a withdrawal becomes a delivery for each endpoint that wants it, in the transaction that stores it.
import type { Handler } from "@sluice/messaging";
import type { Endpoint } from "../config.ts";
import { addDeliveries } from "../store.ts";

export const handleWithdrawalChanged =
  (endpoints: readonly Endpoint[]): Handler<"withdrawal.changed.v1"> =>
  (tx, { message }) =>
    addDeliveries(tx, endpoints, message);
