// What a service sees of a bridge: its options, what it promises, what it reports; and the way to open one.
import type { Carrier } from "./carrier.ts";
import type { EndpointCounts } from "./endpoint.ts";
import { BridgeError } from "./errors.ts";
import type { BridgeSession } from "./identity.ts";
import { type BridgeLimits, limitsFrom } from "./limits.ts";
import { isName } from "./link-frame.ts";
import type { Priority } from "./message-frame.ts";
import { OpenBridge } from "./open-bridge.ts";

export type BridgeState = "connected" | "disconnected";

/** What an operator may want to know. Never holds a byte of a message. */
export type BridgeDiagnostic =
  /** Somebody introduced itself by another name, or looked for another. The connection was ended. */
  | { readonly code: "PEER_NAME_WRONG"; readonly detail: string }
  | { readonly code: "PEER_VERSION_UNSUPPORTED"; readonly detail: string }
  /** Whoever is there does not hold the peer's key, or is of another network, schema or link. It was never connected. */
  | { readonly code: "PEER_UNAUTHENTICATED"; readonly detail: string }
  /** A process of the peer came back after a newer one had taken its place: two run at once. The older was turned away. */
  | { readonly code: "PEER_SUPERSEDED"; readonly detail: string }
  /** The peer broke the protocol. Both ends begin anew: what was not accepted goes again, in both directions. */
  | { readonly code: "PEER_VIOLATION"; readonly detail: string }
  /** The peer's process is a new one. What it had not accepted goes again. */
  | { readonly code: "PEER_RESTARTED" }
  /** Nothing came for `silenceMs`; the connection was ended. */
  | { readonly code: "PEER_SILENT" }
  /** A second peer tried to connect while one was there. */
  | { readonly code: "CONNECTION_TURNED_AWAY" }
  /** Connecting or listening failed and is tried again. Reported once for each change of `failure`. */
  | { readonly code: "CARRIER_FAILED"; readonly failure: string; readonly detail: string }
  /** A message waits for the peer's application for longer than its deadline. Told once for each; it goes on waiting. */
  | {
      readonly code: "MESSAGE_OVERDUE";
      readonly priority: Priority;
      readonly waitedMs: number;
      readonly deadlineMs: number;
    }
  /** `onMessage` rejected; the same message will be handed to it again, and those behind it wait. */
  | {
      readonly code: "MESSAGE_REJECTED";
      readonly error: unknown;
      readonly attempt: number;
      readonly retryInMs: number;
    };

/** Counts since the bridge was opened, and what lies in it now. */
export interface BridgeStats extends EndpointCounts {
  readonly connections: number;
  readonly connectionsTurnedAway: number;
  /** Connections that ended before the peer was proved: one that refuses our key says so at its own end only. */
  readonly connectionsUnproven: number;
  readonly peersRefused: number;
  readonly peerViolations: number;
  readonly silences: number;
  readonly carrierFailures: number;
  /** Own messages that the peer's application accepted. */
  readonly messagesSent: number;
  /** Messages of the peer that the own application accepted. */
  readonly messagesReceived: number;
  readonly messagesRejected: number;
  readonly pendingMessages: number;
  readonly pendingBytes: number;
  /** How long the oldest pending message has waited; 0 when none waits. */
  readonly oldestPendingMs: number;
  /** How many of the pending messages are past their deadline now, and how many ever were. */
  readonly overdueMessages: number;
  readonly messagesOverdue: number;
  readonly receivedBytesHeld: number;
  /** Every byte of messages and frames that lies here; `heldBytesAtMost` is its bound. */
  readonly bytesHeld: number;
}

export interface BridgeOptions {
  /** Made for this bridge alone: `unixListener(path)` at one end, `unixConnector(path)` at the other. */
  readonly carrier: Carrier;
  /** Both names are 1 to 64 of a-z, 0-9 and hyphen, and differ. The peer must use the same two the other way round. */
  readonly localName: string;
  readonly peerName: string;
  /** Own key, the peer's pinned key, and what both must agree on; from `bridgeIdentity(…).towards(peerName)`. */
  readonly session: BridgeSession;
  /**
   * Gets the peer's messages, those of one priority one after the other in the order sent; an urgent one may come while
   * an ordinary one is still in hand, so that whoever cannot store tasks just now still hears news. Resolving accepts the
   * message: only then does the peer's `send` resolve, so whatever must survive is stored before. Rejecting means not
   * now: the same message comes again after a pause, and the ones behind it wait, so park a message that can never be
   * accepted and resolve.
   *
   * While both processes live each message comes once. When either process restarts, a message that was not accepted,
   * or whose acceptance did not reach the sender, comes again: the application must be idempotent.
   */
  readonly onMessage: (bytes: Uint8Array) => Promise<void>;
  readonly onStateChange?: (state: BridgeState) => void;
  readonly onDiagnostic?: (event: BridgeDiagnostic) => void;
  readonly limits?: Partial<BridgeLimits>;
}

export interface SendOptions {
  /** Default `ordinary`. */
  readonly priority?: Priority;
  /** Default `limits.deadlineMs`. */
  readonly deadlineMs?: number;
}

export interface Bridge {
  /**
   * Sends a message of up to `MAX_MESSAGE_BYTES` (1 MiB; urgent `MAX_URGENT_MESSAGE_BYTES`, 256 KiB) and resolves once
   * the peer's application has accepted it, however long that takes: being disconnected is no failure. There are two
   * streams, each in the order of its calls: an urgent message goes ahead of ordinary ones, also between the fragments
   * of one, and every ninth fragment is an ordinary one if any waits, so that neither stops the other. Rejects with a
   * `BridgeError`: `BRIDGE_MESSAGE_TOO_LARGE` and `BRIDGE_QUEUE_FULL` mean that the message was not taken,
   * `BRIDGE_CLOSED` that its fate is unknown. What is pending lives in memory only: keep it in your outbox until then.
   *
   * Nothing here carries money's fate: past its deadline a message is told of (`MESSAGE_OVERDUE`, `overdueMessages`) and
   * goes on waiting. Nothing is ever dropped for its age, since neither "paid" nor "not paid" follows from silence.
   */
  send(bytes: Uint8Array, options?: SendOptions): Promise<void>;
  readonly state: BridgeState;
  stats(): BridgeStats;
  /** Waits for the `onMessage` in hand, tells the peer, and ends. Pending sends reject with `BRIDGE_CLOSED`. */
  close(): Promise<void>;
}

/** Opens a bridge; it connects by itself and goes on for ever. Throws `BRIDGE_OPTIONS_INVALID` for wrong options. */
export function openBridge(options: BridgeOptions): Bridge {
  const names = [options.localName, options.peerName];
  if (!names.every(isName)) throw new BridgeError("BRIDGE_OPTIONS_INVALID", "names are 1 to 64 of a-z, 0-9 and hyphen");
  if (options.localName === options.peerName)
    throw new BridgeError("BRIDGE_OPTIONS_INVALID", "the two names must differ");
  return new OpenBridge(options, limitsFrom(options.limits ?? {}));
}
