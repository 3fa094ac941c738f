// What a bridge may hold and how long it waits, with the defaults that suit one machine.
import { BridgeError } from "./errors.ts";
import { MAX_MESSAGE_BYTES, MESSAGE_COST_BYTES } from "./message-frame.ts";

export interface BridgeLimits {
  /** Messages that may wait for the peer's acceptance at once. */
  readonly pendingMessages: number;
  /** Bytes of messages that may wait for the peer's acceptance at once; at least `MAX_MESSAGE_BYTES`. */
  readonly pendingBytes: number;
  /** Bytes of messages that may lie here for the own application at once; at least one message of the maximum. */
  readonly receiveBytes: number;
  /** After this long without sending, a heartbeat goes out. */
  readonly heartbeatMs: number;
  /** After this long without hearing anything believable, the connection is made anew; at least two heartbeats. */
  readonly silenceMs: number;
  /** First and last pause before a message that the own application rejected is handed to it again. */
  readonly redeliveryMinMs: number;
  readonly redeliveryMaxMs: number;
}

export const DEFAULT_LIMITS: BridgeLimits = {
  pendingMessages: 4_096,
  pendingBytes: 33_554_432,
  receiveBytes: 4_194_304,
  heartbeatMs: 1_000,
  silenceMs: 5_000,
  redeliveryMinMs: 100,
  redeliveryMaxMs: 30_000,
};

/** The defaults with `given` in place of some. Throws `BRIDGE_OPTIONS_INVALID` naming every fault. */
export function limitsFrom(given: Partial<BridgeLimits>): BridgeLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const faults = Object.entries(limits)
    .filter(([, value]) => !Number.isSafeInteger(value) || value < 1)
    .map(([name]) => `${name} is not a positive whole number`);
  if (limits.pendingBytes < MAX_MESSAGE_BYTES) faults.push(`pendingBytes is under ${MAX_MESSAGE_BYTES}`);
  const oneMessage = MAX_MESSAGE_BYTES + MESSAGE_COST_BYTES;
  if (limits.receiveBytes < oneMessage) faults.push(`receiveBytes is under ${oneMessage}`);
  if (limits.silenceMs < 2 * limits.heartbeatMs) faults.push("silenceMs is under two heartbeats");
  if (limits.redeliveryMaxMs < limits.redeliveryMinMs) faults.push("redeliveryMaxMs is under redeliveryMinMs");
  if (faults.length > 0) throw new BridgeError("BRIDGE_OPTIONS_INVALID", faults.join("; "));
  return limits;
}
