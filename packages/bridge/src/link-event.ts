// What a link tells its owner, and what it counts.

export type LinkEvent =
  /** Frames flow. `fresh` says that both ends count from 0: the first meeting, or the peer (or we) began a new life. */
  | { readonly kind: "established"; readonly fresh: boolean; readonly peerRestarted: boolean }
  /** The next body in order, to be used before the next call to the link: it may lie in the arriving bytes. */
  | { readonly kind: "delivered"; readonly body: Uint8Array }
  | {
      readonly kind: "refused";
      readonly code: RefusalCode;
      readonly detail: string;
    };

export type RefusalCode = "PEER_NAME_WRONG" | "PEER_VERSION_UNSUPPORTED" | "PEER_UNAUTHENTICATED" | "PEER_SUPERSEDED";

export interface LinkCounts {
  readonly retransmissions: number;
  /** Frames that had arrived before: repeats and replays. */
  readonly duplicates: number;
  /** Frames beyond the window, of another session, or of a handshake that is over. */
  readonly stale: number;
  /** Frames with a good checksum that make no sense. */
  readonly malformed: number;
  /** Frames that claim to be of the present session and are not as the peer sealed them. */
  readonly unopened: number;
  /** Messages of a handshake, or confirmations, that do not verify. */
  readonly unauthenticated: number;
  /** Handshakes that were not even looked at, because too many before came to nothing. */
  readonly throttled: number;
  /** Sessions confirmed by both ends, and how many of them took over from one in use. */
  readonly sessions: number;
  readonly rekeys: number;
  readonly peerRestarts: number;
}

export const NOTHING_COUNTED: Omit<LinkCounts, "retransmissions"> = {
  duplicates: 0,
  stale: 0,
  malformed: 0,
  unopened: 0,
  unauthenticated: 0,
  throttled: 0,
  sessions: 0,
  rekeys: 0,
  peerRestarts: 0,
};
