// What a bridge may hold and how long it waits, with the defaults that suit one machine.
import { BridgeError } from "./errors.ts";
import { FrameDecoder, MAX_FRAME_BODY_BYTES } from "./frame.ts";
import { MAX_MESSAGE_BYTES, MAX_URGENT_MESSAGE_BYTES, MESSAGE_COST_BYTES } from "./message-frame.ts";

export interface BridgeLimits {
  /** Ordinary messages that may wait for the peer's acceptance at once. */
  readonly pendingMessages: number;
  /** Bytes of ordinary messages that may wait for the peer's acceptance at once; at least `MAX_MESSAGE_BYTES`. */
  readonly pendingBytes: number;
  /** Bytes of ordinary messages that may lie here for the own application at once; at least one of the maximum. */
  readonly receiveBytes: number;
  /** The same three for urgent messages. */
  readonly urgentPendingMessages: number;
  readonly urgentPendingBytes: number;
  readonly urgentReceiveBytes: number;
  /** A message that the peer's application has not accepted after so long is told of. It is never dropped. */
  readonly deadlineMs: number;
  /** After this long without sending, a heartbeat goes out. */
  readonly heartbeatMs: number;
  /** After this long without hearing anything believable, the connection is made anew; at least two heartbeats. */
  readonly silenceMs: number;
  /** New keys are made after so many frames, both directions together, or so long; at twice of either the old ones end. */
  readonly rekeyFrames: number;
  readonly rekeyMs: number;
  /** So many handshakes may come to nothing at once; then each waits, from the first of these to the last. */
  readonly freeAttempts: number;
  readonly attemptMinMs: number;
  readonly attemptMaxMs: number;
  /** First and last pause before a message that the own application rejected is handed to it again. */
  readonly redeliveryMinMs: number;
  readonly redeliveryMaxMs: number;
}

export const DEFAULT_LIMITS: BridgeLimits = {
  pendingMessages: 4_096,
  pendingBytes: 33_554_432,
  receiveBytes: 4_194_304,
  urgentPendingMessages: 256,
  urgentPendingBytes: 1_048_576,
  urgentReceiveBytes: 1_048_576,
  deadlineMs: 30_000,
  heartbeatMs: 1_000,
  silenceMs: 5_000,
  rekeyFrames: 2 ** 20,
  rekeyMs: 600_000,
  freeAttempts: 5,
  attemptMinMs: 1_000,
  attemptMaxMs: 30_000,
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
  if (limits.urgentPendingBytes < MAX_URGENT_MESSAGE_BYTES)
    faults.push(`urgentPendingBytes is under ${MAX_URGENT_MESSAGE_BYTES}`);
  const oneUrgent = MAX_URGENT_MESSAGE_BYTES + MESSAGE_COST_BYTES;
  if (limits.urgentReceiveBytes < oneUrgent) faults.push(`urgentReceiveBytes is under ${oneUrgent}`);
  if (limits.silenceMs < 2 * limits.heartbeatMs) faults.push("silenceMs is under two heartbeats");
  if (limits.attemptMaxMs < limits.attemptMinMs) faults.push("attemptMaxMs is under attemptMinMs");
  if (limits.redeliveryMaxMs < limits.redeliveryMinMs) faults.push("redeliveryMaxMs is under redeliveryMinMs");
  if (faults.length > 0) throw new BridgeError("BRIDGE_OPTIONS_INVALID", faults.join("; "));
  return limits;
}

/** Most bytes of messages and frames that one end holds at once with these limits, whatever the peer and the line do. */
export function heldBytesAtMost(limits: BridgeLimits, windowFrames: number): number {
  const outgoing = limits.pendingBytes + limits.urgentPendingBytes;
  const incoming = limits.receiveBytes + limits.urgentReceiveBytes;
  // A frame on its way lies here twice, plain and sealed; one that came early lies here once.
  // Set aside when the first fragment of a message comes, and counted against the room as it fills.
  const setAside = MAX_MESSAGE_BYTES + MAX_URGENT_MESSAGE_BYTES;
  return outgoing + incoming + setAside + 3 * windowFrames * MAX_FRAME_BODY_BYTES + FrameDecoder.HELD_BYTES;
}
