// The place of the session between link and messages: today an identity, next an authenticated cipher (Noise KK).

/** What the link carries under one sequence number. */
export interface SessionFrame {
  /** The link's sequence number: unique per direction and epoch, so a cipher may use it as its nonce. */
  readonly sequence: number;
  readonly body: Uint8Array;
}

/**
 * Seals what goes out and opens what comes in. The link seals a body once, when it gives it a sequence number, and
 * sends those same bytes again when it must repeat itself. It opens a body before it believes that the frame arrived:
 * a frame that does not open is dropped and counted like one that never came.
 */
export interface Session {
  /** How many bytes `seal` adds at most. */
  readonly overheadBytes: number;
  seal(frame: SessionFrame): Uint8Array;
  /** The plain body, or undefined when the frame is not from the peer or was altered. */
  open(frame: SessionFrame): Uint8Array | undefined;
}

/**
 * The session that does nothing. It gives NO confidentiality and NO authenticity: whoever can reach the carrier can
 * read and write frames. What crosses the bridge must therefore be sealed by its origin, and the socket file be
 * readable by its owner only.
 */
export function plainSession(): Session {
  return { overheadBytes: 0, seal: (frame) => frame.body, open: (frame) => frame.body };
}

/** Room that every frame keeps free for a session's tag, so that a cipher changes no other size (Poly1305: 16 bytes). */
export const SESSION_OVERHEAD_BYTES = 16;
