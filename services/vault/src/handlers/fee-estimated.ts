// Nodes estimate what a block will ask for. It is remembered; what is paid is decided when a transaction is planned.
import type { Handler } from "@sluice/messaging";
import { CLOCK_TOLERANCE_MS, type FeePolicy, feeRates } from "@sluice/planning";
import type { Logger } from "@sluice/runtime";
import { addFeeEstimate, feeHistory } from "@sluice/wallet-memory";

export function handleFeeEstimated(policy: FeePolicy, logger: Logger): Handler<"fee.estimated.v1"> {
  return async (tx, { message }) => {
    const nowMs = Date.now();
    if (message.estimatedAtMs > nowMs + CLOCK_TOLERANCE_MS) {
      return logger.warn({ estimatedAtMs: message.estimatedAtMs }, "a fee estimate of the future is not used");
    }
    await addFeeEstimate(tx, message);
    for (const alarm of feeRates(policy, await feeHistory(tx), nowMs).alarms) {
      logger.warn(alarm, "ALARM: a fee estimate is not believed as it is");
    }
  };
}
