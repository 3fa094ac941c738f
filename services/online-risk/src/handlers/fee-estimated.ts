// What a block asks for at present, for the quotes to come.
import type { Handler } from "@sluice/messaging";
import { keepEstimates } from "@sluice/risk-memory";

export const feeEstimated: Handler<"fee.estimated.v1"> = (tx, { message }) => keepEstimates(tx, message);
