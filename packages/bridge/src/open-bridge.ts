// A bridge at work: joins the pure endpoint to a carrier, to the clock and to the application.
import { randomBytes } from "node:crypto";
import type { Bridge, BridgeDiagnostic, BridgeOptions, BridgeState, BridgeStats, SendOptions } from "./bridge.ts";
import type { CarrierConnection, ConnectionEvents } from "./carrier.ts";
import { Delivery } from "./delivery.ts";
import { Endpoint, type EndpointEvent } from "./endpoint.ts";
import { BridgeError } from "./errors.ts";
import { MAX_WIRE_BYTES } from "./frame.ts";
import type { BridgeLimits } from "./limits.ts";
import { MAX_MESSAGE_BYTES, MAX_URGENT_MESSAGE_BYTES, type Priority } from "./message-frame.ts";
import { noiseHandshakes } from "./noise-session.ts";
import { Overdue, type Timed } from "./overdue.ts";

interface Pending extends Timed {
  readonly bytes: Uint8Array;
  readonly priority: Priority;
  readonly resolve: () => void;
  readonly reject: (error: BridgeError) => void;
}

/** A peer that computes answers nothing meanwhile; below a fifth of a second most of what is repeated had arrived. */
const LINK_TIMES = { windowFrames: 32, initialRetransmitMs: 500, minRetransmitMs: 200, maxRetransmitMs: 5_000 };
const WRITE_BYTES = 65_536;
const FULL_CARRIER_CHECK_MS = 250;

export class OpenBridge implements Bridge {
  readonly #options: BridgeOptions;
  readonly #endpoint: Endpoint<Pending>;
  readonly #limits: BridgeLimits;
  readonly #deliveries: Readonly<Record<Priority, Delivery>>;
  readonly #overdue: Overdue<Pending>;
  readonly #scratch = new Uint8Array(WRITE_BYTES);
  readonly #counts = {
    connections: 0,
    connectionsTurnedAway: 0,
    connectionsUnproven: 0,
    peersRefused: 0,
    peerViolations: 0,
    silences: 0,
    carrierFailures: 0,
    messagesSent: 0,
    messagesReceived: 0,
    messagesRejected: 0,
  };
  #state: BridgeState = "disconnected";
  #connection: CarrierConnection | undefined;
  #writable = false;
  #pumpScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #lastFailure: string | undefined;
  #newLifeOwed = false;
  #judgement: NodeJS.Immediate | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: BridgeOptions, limits: BridgeLimits) {
    this.#options = options;
    const { localName, peerName } = options;
    const handshakes = noiseHandshakes({ ...options.session, localName, peerName, randomBytes });
    const link = { ...LINK_TIMES, ...limits, localName, peerName, handshakes };
    this.#endpoint = new Endpoint({ ...limits, link }, newBootId());
    this.#limits = limits;
    this.#deliveries = { urgent: this.#createDelivery(limits), ordinary: this.#createDelivery(limits) };
    this.#overdue = new Overdue(
      () => this.#endpoint.messages.pending,
      ({ priority, deadlineMs }, waitedMs) =>
        this.#report({ code: "MESSAGE_OVERDUE", priority, waitedMs: Math.round(waitedMs), deadlineMs }),
    );
    options.carrier.open({
      onConnection: (connection) => this.#connected(connection),
      onTurnedAway: () => {
        this.#counts.connectionsTurnedAway++;
        this.#report({ code: "CONNECTION_TURNED_AWAY" });
      },
      onFailure: ({ code, detail }) => {
        this.#counts.carrierFailures++;
        if (code !== this.#lastFailure) this.#report({ code: "CARRIER_FAILED", failure: code, detail });
        this.#lastFailure = code;
      },
    });
  }

  get state(): BridgeState {
    return this.#state;
  }

  send(bytes: Uint8Array, options: SendOptions = {}): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(closedError());
    const { priority = "ordinary", deadlineMs = this.#limits.deadlineMs } = options;
    return new Promise((resolve, reject) => {
      // A copy, since the caller may use its buffer again (and `slice` of a Buffer would be none).
      const refusal = this.#endpoint.offer({
        bytes: new Uint8Array(bytes),
        priority,
        sinceMs: performance.now(),
        deadlineMs,
        resolve,
        reject,
      });
      if (refusal === undefined) {
        this.#overdue.watch();
        this.#schedulePump();
        return;
      }
      const { pendingMessages, pendingBytes } = this.#endpoint.messages;
      const atMost = priority === "urgent" ? MAX_URGENT_MESSAGE_BYTES : MAX_MESSAGE_BYTES;
      const detail =
        refusal === "BRIDGE_QUEUE_FULL"
          ? `${pendingMessages} messages of ${pendingBytes} bytes wait for ${this.#options.peerName}`
          : `${priority} messages have at most ${atMost} bytes, this one has ${bytes.length}`;
      reject(new BridgeError(refusal, detail));
    });
  }

  stats(): BridgeStats {
    const { pendingMessages, pendingBytes, pending, receivedBytes } = this.#endpoint.messages;
    const nowMs = performance.now();
    return {
      ...this.#endpoint.counts(),
      ...this.#counts,
      pendingMessages,
      pendingBytes,
      oldestPendingMs: pending.reduce((oldest, { sinceMs }) => Math.max(oldest, nowMs - sinceMs), 0),
      overdueMessages: this.#overdue.count(nowMs),
      messagesOverdue: this.#overdue.ever,
      receivedBytesHeld: receivedBytes,
      bytesHeld: this.#endpoint.heldBytes,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const pending of this.#endpoint.abandon()) pending.reject(closedError());
    this.#overdue.stop();
    await Promise.all([this.#deliveries.urgent.close(), this.#deliveries.ordinary.close()]);
    // The last acceptance goes out before the connection ends; should it be lost, the peer only sends again.
    this.#pump();
    clearTimeout(this.#timer);
    clearImmediate(this.#judgement);
    await this.#options.carrier.close();
  }

  #createDelivery(limits: BridgeLimits): Delivery {
    return new Delivery({
      onMessage: this.#options.onMessage,
      onAccepted: (message) => {
        this.#counts.messagesReceived++;
        this.#endpoint.accepted(message);
        this.#schedulePump();
      },
      onRejected: (rejection) => {
        this.#counts.messagesRejected++;
        this.#report({ code: "MESSAGE_REJECTED", ...rejection });
      },
      ...limits,
    });
  }

  #connected(connection: CarrierConnection): ConnectionEvents {
    this.#counts.connections++;
    this.#connection = connection;
    this.#writable = true;
    this.#lastFailure = undefined;
    this.#endpoint.connected(performance.now());
    this.#schedulePump();
    return {
      onBytes: (bytes) => this.#received(bytes),
      onDrain: () => {
        this.#writable = true;
        this.#pump();
      },
      onClose: () => this.#disconnected(),
    };
  }

  /** From here on nothing is written; the rest happens once the carrier says that the connection is gone. */
  #endConnection(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#writable = false;
    clearTimeout(this.#timer);
    connection?.close();
  }

  #disconnected(): void {
    this.#connection = undefined;
    this.#writable = false;
    clearTimeout(this.#timer);
    if (!this.#endpoint.isUp) this.#counts.connectionsUnproven++;
    this.#endpoint.disconnected();
    if (this.#newLifeOwed) this.#endpoint.beginLife(newBootId());
    this.#newLifeOwed = false;
    this.#changeState("disconnected");
  }

  #received(bytes: Uint8Array): void {
    for (const event of this.#endpoint.receive(bytes, performance.now())) this.#take(event);
    this.#pump();
  }

  #take(event: EndpointEvent<Pending>): void {
    switch (event.kind) {
      case "established":
        if (event.peerRestarted) this.#report({ code: "PEER_RESTARTED" });
        this.#connection?.confirm();
        this.#changeState("connected");
        return;
      case "arrived":
        this.#deliveries[event.message.priority].push(event.message);
        return;
      case "settled":
        this.#counts.messagesSent++;
        event.message.resolve();
        return;
      case "refused":
        this.#counts.peersRefused++;
        this.#report({ code: event.code, detail: event.detail });
        this.#endConnection();
        return;
      case "violation":
        this.#counts.peerViolations++;
        this.#report({ code: "PEER_VIOLATION", detail: event.detail });
        this.#newLifeOwed = true;
        this.#endConnection();
        return;
      default:
        event satisfies never;
    }
  }

  /** Many sends in one turn of the event loop share their frames' way out. */
  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    queueMicrotask(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  /** Sends what there is to send while the carrier takes it, and sets the clock for what comes later. */
  #pump(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const nowMs = performance.now();
    if (this.#endpoint.isSilent(nowMs)) this.#judgeSilence();
    const target = this.#scratch.subarray(0, Math.max(connection.chunkBytes ?? WRITE_BYTES, MAX_WIRE_BYTES + 1));
    while (this.#writable) {
      const length = this.#endpoint.write(target, nowMs);
      if (length === 0) break;
      this.#writable = connection.write(this.#scratch.slice(0, length));
    }
    clearTimeout(this.#timer);
    // While the carrier is full nothing can be sent, so only silence has to be noticed.
    const waitMs = Math.max(1, Math.ceil(this.#endpoint.dueAtMs() - nowMs));
    this.#timer = setTimeout(() => this.#pump(), this.#writable ? waitMs : Math.max(waitMs, FULL_CARRIER_CHECK_MS));
  }

  /** After a standstill of this process the peer's bytes may lie unread: they get one turn before the peer is judged. */
  #judgeSilence(): void {
    this.#judgement ??= setImmediate(() => {
      this.#judgement = undefined;
      if (!this.#endpoint.isSilent(performance.now())) return;
      this.#counts.silences++;
      this.#report(this.#endpoint.isPeerDoubtful ? UNCONFIRMED : { code: "PEER_SILENT" });
      this.#endConnection();
    });
  }

  #changeState(state: BridgeState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onStateChange?.(state);
  }

  #report(event: BridgeDiagnostic): void {
    this.#options.onDiagnostic?.(event);
  }
}

const UNCONFIRMED: BridgeDiagnostic = {
  code: "PEER_UNAUTHENTICATED",
  detail: "it took up a handshake and did not confirm it: what is played again looks like this",
};

function newBootId(): bigint {
  const id = randomBytes(8).readBigUInt64BE();
  return id === 0n ? newBootId() : id;
}

function closedError(): BridgeError {
  return new BridgeError("BRIDGE_CLOSED", "the bridge was closed before the peer accepted the message");
}
