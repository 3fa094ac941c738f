// One end of a bridge without clock or socket: frame, link, session and messages put together.
import { FrameDecoder, MAX_WIRE_BYTES, writeFrame } from "./frame.ts";
import { type Arrived, Incoming } from "./incoming.ts";
import { Link, type LinkEvent, type LinkOptions } from "./link.ts";
import { parseMessageFrame } from "./message-frame.ts";
import { type OfferRefusal, Outgoing, type OutgoingLimits } from "./outgoing.ts";

export interface EndpointOptions extends OutgoingLimits {
  readonly link: Omit<LinkOptions, "bootId">;
  readonly receiveBytes: number;
}

export type EndpointEvent<T> =
  | Exclude<LinkEvent, { readonly kind: "delivered" }>
  /** A whole message for the application; give it to `accepted` once the application has taken it. */
  | { readonly kind: "arrived"; readonly message: Arrived }
  /** The peer's application has accepted this message of ours. */
  | { readonly kind: "settled"; readonly message: T }
  /** The peer broke the protocol inside good frames. Nothing more of this connection is believed. */
  | { readonly kind: "violation"; readonly detail: string };

export interface EndpointCounts {
  readonly framesSent: number;
  readonly framesReceived: number;
  /** Frames dropped before the link saw them: wrong checksum, malformed, oversized. */
  readonly framesDropped: number;
  readonly retransmissions: number;
  readonly duplicates: number;
  readonly stale: number;
  readonly malformed: number;
  readonly unopened: number;
  readonly peerRestarts: number;
}

const LINE_CLEARING_DELIMITER = 0;

export class Endpoint<T extends { readonly bytes: Uint8Array }> {
  readonly #options: EndpointOptions;
  readonly #outgoing: Outgoing<T>;
  readonly #incoming: Incoming;
  #link: Link;
  #decoder = new FrameDecoder();
  #delimiterOwed = false;
  #violated = false;
  #past: EndpointCounts = NOTHING;
  #framesSent = 0;

  constructor(options: EndpointOptions, bootId: bigint) {
    this.#options = options;
    this.#outgoing = new Outgoing(options);
    this.#incoming = new Incoming(options.receiveBytes);
    this.#link = new Link({ ...options.link, bootId });
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  get outgoing(): Pick<Outgoing<T>, "pendingMessages" | "pendingBytes" | "oldest"> {
    return this.#outgoing;
  }

  get heldBytes(): number {
    return this.#incoming.heldBytes;
  }

  connected(nowMs: number): void {
    this.#past = this.#addDecoder(this.#past);
    this.#decoder = new FrameDecoder();
    // Ends whatever noise the line carried before we spoke.
    this.#delimiterOwed = true;
    this.#violated = false;
    this.#link.connected(nowMs);
  }

  disconnected(): void {
    this.#link.disconnected();
  }

  /** Begins a new life with a new boot id: everything unaccepted goes again. For use after a violation, while disconnected. */
  beginLife(bootId: bigint): void {
    this.#past = this.#addLink(this.#past);
    this.#link = new Link({ ...this.#options.link, bootId });
  }

  offer(message: T): OfferRefusal | undefined {
    return this.#outgoing.offer(message);
  }

  abandon(): readonly T[] {
    return this.#outgoing.abandon();
  }

  /** The application has taken a message; the peer hears of it with the next bytes. */
  accepted(message: Arrived): void {
    this.#incoming.release(message);
  }

  /** Takes bytes off the wire, cut anywhere, damaged or not. Never throws. */
  receive(chunk: Uint8Array, nowMs: number): readonly EndpointEvent<T>[] {
    const events: EndpointEvent<T>[] = [];
    this.#decoder.push(chunk, (body) => {
      if (this.#violated) return;
      for (const event of this.#link.receive(body, nowMs)) this.#take(event, events);
    });
    return events;
  }

  /**
   * Writes bytes for the wire to `target` and returns how many; 0 when there is nothing to say now. `target` holds at
   * least `MAX_WIRE_BYTES + 1`. Frames are made only here, when the carrier can take them, so none pile up behind a
   * slow line.
   */
  write(target: Uint8Array, nowMs: number): number {
    let end = 0;
    while (target.length - end > MAX_WIRE_BYTES) {
      this.#fillLink();
      const frame = this.#link.nextFrame(nowMs);
      if (frame === undefined) break;
      if (this.#delimiterOwed) target[end++] = LINE_CLEARING_DELIMITER;
      this.#delimiterOwed = false;
      end = writeFrame(frame, target, end);
      this.#framesSent++;
    }
    return end;
  }

  dueAtMs(): number {
    return this.#link.dueAtMs();
  }

  isSilent(nowMs: number): boolean {
    return this.#link.isSilent(nowMs);
  }

  counts(): EndpointCounts {
    return { ...this.#addLink(this.#addDecoder(this.#past)), framesSent: this.#framesSent };
  }

  #fillLink(): void {
    while (this.#link.canSend()) {
      // A status is granted without asking, so that two full ends can always free each other.
      const body = this.#incoming.nextBody() ?? this.#outgoing.nextBody();
      if (body === undefined) return;
      this.#link.send(body);
    }
  }

  #take(event: LinkEvent, events: EndpointEvent<T>[]): void {
    switch (event.kind) {
      case "established":
        if (event.fresh) {
          this.#outgoing.restart();
          this.#incoming.restart();
        }
        events.push(event);
        return;
      case "refused":
        this.#violated = true;
        events.push(event);
        return;
      case "delivered":
        if (!this.#violated) this.#deliver(event.body, events);
        return;
      default:
        event satisfies never;
    }
  }

  #deliver(body: Uint8Array, events: EndpointEvent<T>[]): void {
    const frame = parseMessageFrame(body);
    switch (frame.kind) {
      case "fragment": {
        const result = this.#incoming.receive(frame.fragment);
        if (result.kind === "violation") this.#violate(result.detail, events);
        if (result.kind === "arrived") events.push(result);
        return;
      }
      case "status": {
        const accepted = this.#outgoing.receive(frame.status);
        if (accepted === undefined) this.#violate("the peer accepted what was not sent or took back room", events);
        else for (const message of accepted) events.push({ kind: "settled", message });
        return;
      }
      case "malformed":
        this.#violate("a frame holds neither a fragment nor a status", events);
        return;
      default:
        frame satisfies never;
    }
  }

  #violate(detail: string, events: EndpointEvent<T>[]): void {
    this.#violated = true;
    events.push({ kind: "violation", detail });
  }

  #addLink(counts: EndpointCounts): EndpointCounts {
    const link = this.#link.counts();
    return {
      ...counts,
      retransmissions: counts.retransmissions + link.retransmissions,
      duplicates: counts.duplicates + link.duplicates,
      stale: counts.stale + link.stale,
      malformed: counts.malformed + link.malformed,
      unopened: counts.unopened + link.unopened,
      peerRestarts: counts.peerRestarts + link.peerRestarts,
    };
  }

  #addDecoder(counts: EndpointCounts): EndpointCounts {
    const frames = this.#decoder.counts();
    return {
      ...counts,
      framesReceived: counts.framesReceived + frames.good,
      framesDropped: counts.framesDropped + frames.checksumWrong + frames.malformed + frames.oversized,
    };
  }
}

const NOTHING: EndpointCounts = {
  framesSent: 0,
  framesReceived: 0,
  framesDropped: 0,
  retransmissions: 0,
  duplicates: 0,
  stale: 0,
  malformed: 0,
  unopened: 0,
  peerRestarts: 0,
};
