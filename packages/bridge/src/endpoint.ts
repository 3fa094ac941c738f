// One end of a bridge without clock or socket: frame, link, session and messages put together.
import { FrameDecoder, MAX_WIRE_BYTES, writeFrame } from "./frame.ts";
import type { Arrived } from "./incoming.ts";
import { Link, type LinkEvent, type LinkOptions } from "./link.ts";
import { type MessageEvent, MessageStreams, type Sendable, type StreamLimits } from "./message-streams.ts";
import type { OfferRefusal } from "./outgoing.ts";

export interface EndpointOptions extends StreamLimits {
  readonly link: Omit<LinkOptions, "bootId">;
}

/** After a violation nothing more of the connection is believed. */
export type EndpointEvent<T> = Exclude<LinkEvent, { readonly kind: "delivered" }> | MessageEvent<T>;

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
  readonly unauthenticated: number;
  readonly throttled: number;
  readonly sessions: number;
  readonly rekeys: number;
  readonly peerRestarts: number;
}

const LINE_CLEARING_DELIMITER = 0;

export class Endpoint<T extends Sendable> {
  readonly #options: EndpointOptions;
  readonly #messages: MessageStreams<T>;
  #link: Link;
  #decoder = new FrameDecoder();
  #delimiterOwed = false;
  #violated = false;
  #past: EndpointCounts = NOTHING;
  #framesSent = 0;

  constructor(options: EndpointOptions, bootId: bigint) {
    this.#options = options;
    this.#messages = new MessageStreams(options);
    this.#link = new Link({ ...options.link, bootId });
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  get messages(): Pick<MessageStreams<T>, "pendingMessages" | "pendingBytes" | "pending" | "receivedBytes"> {
    return this.#messages;
  }

  /** Every byte of messages and frames that lies here, whoever it is for. */
  get heldBytes(): number {
    return this.#messages.heldBytes + this.#link.heldBytes + FrameDecoder.HELD_BYTES;
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
    return this.#messages.offer(message);
  }

  abandon(): readonly T[] {
    return this.#messages.abandon();
  }

  /** The application has taken a message; the peer hears of it with the next bytes. */
  accepted(message: Arrived): void {
    this.#messages.release(message);
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
      this.#fillLink(nowMs);
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

  get isPeerDoubtful(): boolean {
    return this.#link.isPeerDoubtful;
  }

  counts(): EndpointCounts {
    return { ...this.#addLink(this.#addDecoder(this.#past)), framesSent: this.#framesSent };
  }

  /** One body at a time and only for a frame that leaves now: what waits in the window can be overtaken by nothing. */
  #fillLink(nowMs: number): void {
    if (!this.#link.canSend() || this.#link.hasDue(nowMs)) return;
    const body = this.#messages.nextBody();
    if (body !== undefined) this.#link.send(body);
  }

  #take(event: LinkEvent, events: EndpointEvent<T>[]): void {
    switch (event.kind) {
      case "established":
        if (event.fresh) this.#messages.restart();
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
    for (const event of this.#messages.receive(body)) {
      if (event.kind === "violation") this.#violated = true;
      events.push(event);
    }
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
      unauthenticated: counts.unauthenticated + link.unauthenticated,
      throttled: counts.throttled + link.throttled,
      sessions: counts.sessions + link.sessions,
      rekeys: counts.rekeys + link.rekeys,
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
  unauthenticated: 0,
  throttled: 0,
  sessions: 0,
  rekeys: 0,
  peerRestarts: 0,
};
