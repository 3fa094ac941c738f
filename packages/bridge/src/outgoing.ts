// The sending half of one priority: a bounded queue, cut into fragments, kept until the peer's application accepts.
import { encodeFragment, MAX_FRAGMENT_BYTES, MESSAGE_COST_BYTES, type Priority, type Status } from "./message-frame.ts";

export interface OutgoingLimits {
  readonly messageBytes: number;
  readonly pendingMessages: number;
  readonly pendingBytes: number;
}

export type OfferRefusal = "BRIDGE_MESSAGE_TOO_LARGE" | "BRIDGE_QUEUE_FULL";

/** `T` is whatever the owner wants back once a message is accepted. */
export class Outgoing<T extends { readonly bytes: Uint8Array }> {
  readonly #priority: Priority;
  readonly #limits: OutgoingLimits;
  /** Every message not accepted yet, oldest first. */
  #queue: T[] = [];
  #queuedBytes = 0;
  /** How many messages at the head of the queue have been cut to the end; the next one is cut up to `#offset`. */
  #cut = 0;
  #offset = 0;
  #accepted = 0;
  #spentBytes = 0;
  #grantedBytes = 0;
  #abandoned = false;

  constructor(priority: Priority, limits: OutgoingLimits) {
    this.#priority = priority;
    this.#limits = limits;
  }

  get pendingMessages(): number {
    return this.#queue.length;
  }

  get pendingBytes(): number {
    return this.#queuedBytes;
  }

  /** Oldest first. */
  get pending(): readonly T[] {
    return this.#queue;
  }

  /** Takes a message at the end of the queue, or says why not. */
  offer(message: T): OfferRefusal | undefined {
    const { length } = message.bytes;
    if (length > this.#limits.messageBytes) return "BRIDGE_MESSAGE_TOO_LARGE";
    const full =
      this.#queue.length >= this.#limits.pendingMessages || this.#queuedBytes + length > this.#limits.pendingBytes;
    if (full) return "BRIDGE_QUEUE_FULL";
    this.#queue.push(message);
    this.#queuedBytes += length;
    return undefined;
  }

  /** The next fragment as a link body; undefined when all is cut or the peer has granted no more. */
  nextBody(): Uint8Array | undefined {
    const message = this.#queue[this.#cut];
    if (message === undefined) return undefined;
    const bytes = message.bytes.subarray(this.#offset, this.#offset + MAX_FRAGMENT_BYTES);
    const cost = bytes.length + (this.#offset === 0 ? MESSAGE_COST_BYTES : 0);
    if (this.#spentBytes + cost > this.#grantedBytes) return undefined;
    this.#spentBytes += cost;
    const number = this.#accepted + this.#cut + 1;
    const fragment = { number, totalBytes: message.bytes.length, offset: this.#offset, bytes };
    this.#offset += bytes.length;
    if (this.#offset === message.bytes.length) {
      this.#cut++;
      this.#offset = 0;
    }
    return encodeFragment(this.#priority, fragment);
  }

  /** The messages that the peer's application has newly accepted, or undefined when the status cannot be true. */
  receive(status: Status): readonly T[] | undefined {
    if (this.#abandoned) return [];
    const count = status.accepted - this.#accepted;
    if (count < 0 || count > this.#cut || status.grantedBytes < this.#grantedBytes) return undefined;
    this.#grantedBytes = status.grantedBytes;
    this.#accepted = status.accepted;
    this.#cut -= count;
    const accepted = this.#queue.splice(0, count);
    for (const message of accepted) this.#queuedBytes -= message.bytes.length;
    return accepted;
  }

  /** A new epoch: all that is not accepted goes again, from its first byte, numbered from 1. */
  restart(): void {
    this.#cut = 0;
    this.#offset = 0;
    this.#accepted = 0;
    this.#spentBytes = 0;
    this.#grantedBytes = 0;
  }

  /** Empties the queue for good and gives back what was in it. What the peer still says of it is no news to anybody. */
  abandon(): readonly T[] {
    this.#abandoned = true;
    const abandoned = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.restart();
    return abandoned;
  }
}
