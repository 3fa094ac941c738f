// What the link asks of a session: a handshake in two messages, and then frames that only the pinned peer could have made.

/** Room that every sealed frame keeps free for its tag (Poly1305: 16 bytes). */
export const SESSION_OVERHEAD_BYTES = 16;
/** Both messages of a handshake have this length: a key of 32 bytes and a tag. They carry nothing else. */
export const HANDSHAKE_BYTES = 48;

/**
 * Names a frame within one session and direction, and is its cipher's nonce: data frames count by the link's sequence
 * numbers, all others by a count of their own. Each is sealed once; what goes out again is the same bytes.
 */
export interface FrameNumber {
  readonly lane: "data" | "control";
  readonly number: number;
}

/** Keys for one span of time: made by one handshake, used until the next, then dropped. */
export interface Session {
  /** The same at both ends; says in a frame's header by which keys it was sealed. Not secret. */
  readonly id: bigint;
  /** Throws unless `number` is above every earlier one of its lane: that would give the same nonce to other bytes. */
  seal(number: FrameNumber, header: Uint8Array, body: Uint8Array): Uint8Array;
  /** The plain body, or undefined when header, number or body are not as the peer sealed them. */
  open(number: FrameNumber, header: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
  /** Overwrites the keys: nothing is sealed or opened any more. */
  drop(): void;
}

/** The initiator's side of one handshake. */
export interface Question {
  readonly message: Uint8Array;
  /** The session; undefined when the answer is not the pinned peer's to this question. To be called once. */
  finish(answer: Uint8Array): Session | undefined;
}

/** What the responder makes of a question. Whether it was asked now or is played again, only a confirmation tells. */
export interface Answer {
  readonly message: Uint8Array;
  readonly session: Session;
}

/** Makes sessions with one pinned peer over one link. */
export interface Handshakes {
  /** Fixed by the two names, so that both ends never ask at once. */
  readonly role: "initiator" | "responder";
  ask(): Question;
  /** Undefined when the question is not the pinned peer's. */
  answer(question: Uint8Array): Answer | undefined;
}
