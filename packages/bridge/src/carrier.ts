// What moves bytes between the two ends. A carrier makes connections again and again; it knows nothing of frames.

/** One connection to whoever is at the other end. */
export interface CarrierConnection {
  /**
   * How many bytes it wants at once, at least one frame. What lies in a carrier can be overtaken by nothing, so a slow
   * line asks for a fraction of a second's worth (a serial line of 115,200 baud for 4,096) and takes no more before
   * `onDrain`. Left out by carriers that are fast.
   */
  readonly chunkBytes?: number;
  /** Takes all bytes, which must not change afterwards. False means: enough for now, wait for `onDrain`. */
  write(bytes: Uint8Array): boolean;
  /** The peer has proved who it is. Until then a carrier that reconnects waits longer after each attempt. */
  confirm(): void;
  /** Ends the connection at once. `onClose` follows. */
  close(): void;
}

export interface ConnectionEvents {
  onBytes(bytes: Uint8Array): void;
  onDrain(): void;
  /** Comes exactly once, last. */
  onClose(): void;
}

export interface CarrierEvents {
  /** Never called while an earlier connection is still open. */
  onConnection(connection: CarrierConnection): ConnectionEvents;
  /** Somebody else tried to connect while a connection was open, and was turned away. */
  onTurnedAway(): void;
  /** An attempt to connect or to listen failed; the carrier tries again by itself. `code` is stable, such as ECONNREFUSED. */
  onFailure(failure: { readonly code: string; readonly detail: string }): void;
}

/** Serves one bridge, once: `open`, then `close`. */
export interface Carrier {
  open(events: CarrierEvents): void;
  /** Ends the connection and all attempts. Afterwards nothing of the carrier is left, on disk either. */
  close(): Promise<void>;
}
