// The messages layer: two ordered streams over one link, the urgent one ahead of the other but never to its standstill.
import { type Arrived, Incoming } from "./incoming.ts";
import { MAX_MESSAGE_BYTES, MAX_URGENT_MESSAGE_BYTES, type Priority, parseMessageFrame } from "./message-frame.ts";
import { type OfferRefusal, Outgoing } from "./outgoing.ts";

export interface StreamLimits {
  readonly pendingMessages: number;
  readonly pendingBytes: number;
  readonly receiveBytes: number;
  readonly urgentPendingMessages: number;
  readonly urgentPendingBytes: number;
  readonly urgentReceiveBytes: number;
}

/** What a message has to tell besides its bytes. */
export interface Sendable {
  readonly bytes: Uint8Array;
  readonly priority: Priority;
}

export type MessageEvent<T> =
  /** A whole message for the application; give it to `release` once the application has taken it. */
  | { readonly kind: "arrived"; readonly message: Arrived }
  /** The peer's application has accepted this message of ours. */
  | { readonly kind: "settled"; readonly message: T }
  /** The peer broke the protocol inside good frames. */
  | { readonly kind: "violation"; readonly detail: string };

/** After so many urgent fragments in a row one ordinary fragment goes, so that neither stream can stop the other. */
const URGENT_IN_A_ROW = 8;

interface Stream<T extends Sendable> {
  readonly outgoing: Outgoing<T>;
  readonly incoming: Incoming;
}

/**
 * Each stream has its own queue, its own room at the receiver and its own order. Both share the link, fragment by
 * fragment: a message of the maximum holds an urgent one up by the fragments that are on the line, not by its length.
 */
export class MessageStreams<T extends Sendable> {
  readonly #streams: Readonly<Record<Priority, Stream<T>>>;
  #urgentInARow = 0;

  constructor(limits: StreamLimits) {
    const { pendingMessages, pendingBytes, receiveBytes } = limits;
    const { urgentPendingMessages, urgentPendingBytes, urgentReceiveBytes } = limits;
    this.#streams = {
      urgent: streamOf("urgent", {
        messageBytes: MAX_URGENT_MESSAGE_BYTES,
        pendingMessages: urgentPendingMessages,
        pendingBytes: urgentPendingBytes,
        receiveBytes: urgentReceiveBytes,
      }),
      ordinary: streamOf("ordinary", {
        messageBytes: MAX_MESSAGE_BYTES,
        pendingMessages,
        pendingBytes,
        receiveBytes,
      }),
    };
  }

  get pendingMessages(): number {
    return this.#sum(({ outgoing }) => outgoing.pendingMessages);
  }

  get pendingBytes(): number {
    return this.#sum(({ outgoing }) => outgoing.pendingBytes);
  }

  /** Every message that is not accepted yet; within a priority the oldest first. */
  get pending(): readonly T[] {
    return this.#both().flatMap(({ outgoing }) => outgoing.pending);
  }

  /** Of the peer's messages: what has arrived and is not released yet. */
  get receivedBytes(): number {
    return this.#sum(({ incoming }) => incoming.heldBytes);
  }

  /** All bytes of messages that lie here, the peer's and our own. */
  get heldBytes(): number {
    return this.#sum(({ outgoing, incoming }) => outgoing.pendingBytes + incoming.heldBytes + incoming.reservedBytes);
  }

  offer(message: T): OfferRefusal | undefined {
    return this.#streams[message.priority].outgoing.offer(message);
  }

  /** The next body for the link, or undefined when there is nothing that may go now. */
  nextBody(): Uint8Array | undefined {
    const { urgent, ordinary } = this.#streams;
    // A status is granted without asking, so that two full ends can always free each other.
    const status = urgent.incoming.nextBody() ?? ordinary.incoming.nextBody();
    if (status !== undefined) return status;
    if (this.#urgentInARow < URGENT_IN_A_ROW) {
      const body = urgent.outgoing.nextBody();
      if (body !== undefined) {
        this.#urgentInARow++;
        return body;
      }
    }
    this.#urgentInARow = 0;
    return ordinary.outgoing.nextBody() ?? urgent.outgoing.nextBody();
  }

  /** Takes a body that the link has put in order. Never throws. */
  receive(body: Uint8Array): readonly MessageEvent<T>[] {
    const frame = parseMessageFrame(body);
    switch (frame.kind) {
      case "fragment": {
        const result = this.#streams[frame.priority].incoming.receive(frame.fragment);
        return result.kind === "incomplete" ? [] : [result];
      }
      case "status": {
        const accepted = this.#streams[frame.priority].outgoing.receive(frame.status);
        if (accepted !== undefined) return accepted.map((message) => ({ kind: "settled", message }));
        return [{ kind: "violation", detail: "the peer accepted what was not sent or took back room" }];
      }
      case "malformed":
        return [{ kind: "violation", detail: "a frame holds neither a fragment nor a status" }];
      default:
        return frame satisfies never;
    }
  }

  /** The application has taken a message; the peer hears of it with the next bodies. */
  release(message: Arrived): void {
    this.#streams[message.priority].incoming.release(message);
  }

  /** A new epoch: see `Outgoing.restart` and `Incoming.restart`. */
  restart(): void {
    for (const { outgoing, incoming } of this.#both()) {
      outgoing.restart();
      incoming.restart();
    }
  }

  abandon(): readonly T[] {
    return this.#both().flatMap(({ outgoing }) => outgoing.abandon());
  }

  #both(): readonly Stream<T>[] {
    return [this.#streams.urgent, this.#streams.ordinary];
  }

  #sum(of: (stream: Stream<T>) => number): number {
    return of(this.#streams.urgent) + of(this.#streams.ordinary);
  }
}

function streamOf<T extends Sendable>(
  priority: Priority,
  limits: ConstructorParameters<typeof Outgoing>[1] & ConstructorParameters<typeof Incoming>[1],
): Stream<T> {
  return { outgoing: new Outgoing<T>(priority, limits), incoming: new Incoming(priority, limits) };
}
