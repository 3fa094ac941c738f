// The errors that a caller of the bridge can meet, each with a code that does not change.

export type BridgeErrorCode =
  /** An option of `openBridge` or of a carrier is out of its range: fix the configuration. */
  | "BRIDGE_OPTIONS_INVALID"
  /** The message is over `MAX_MESSAGE_BYTES`, an urgent one over `MAX_URGENT_MESSAGE_BYTES`: it can never be sent so. */
  | "BRIDGE_MESSAGE_TOO_LARGE"
  /** Too much waits for the peer already: try again later. The message was not taken. */
  | "BRIDGE_QUEUE_FULL"
  /** The bridge was closed before the peer accepted the message: whether it did is not known. */
  | "BRIDGE_CLOSED";

export class BridgeError extends Error {
  override readonly name = "BridgeError";
  readonly code: BridgeErrorCode;

  constructor(code: BridgeErrorCode, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}
